// What the process of a guest is told, for every kind of image and runtime.
import { strict as assert } from 'node:assert';
import type { LaunchRequest } from '../../core/backend.ts';
import type { ResolvedImage } from '../../core/image.ts';
import { parse } from '../../protocol/parse.ts';
import { SandboxId } from '../../protocol/sandbox.ts';
import { GuestPlan, planGuest, programName, topMounts } from './plan.ts';
import { memoryFlags } from './runner.ts';

const request: LaunchRequest = {
  id: SandboxId.parse('sb-00000001'),
  name: 'box',
  type: 'general',
  runtime: 'wasm',
  workspace: '/w',
  mounts: [
    { source: '/w', target: '/workspace', mode: 'rw' },
    { source: '/w/.git', target: '/workspace/.git', mode: 'ro' },
  ],
  env: { NAME: 'value', HOME: '/elsewhere' },
  network: 'none',
  limits: {},
  owner: { uid: 1, gid: 1 },
  options: {},
  cold: false,
};
const places = { state: '/state', socket: '/run/guest', cache: '/cache' };
const plan = (change: Partial<LaunchRequest> = {}) => planGuest({ ...request, ...change }, places);

const stored = (path: string | undefined): ResolvedImage => ({
  kind: 'stored',
  name: 'acme/my-tool:2',
  manifest: {
    version: 1,
    name: 'acme/my-tool:2',
    digest: `sha256:${'0'.repeat(64)}`,
    source: { kind: 'file', from: '/tool.wasm' },
    os: { id: 'wasm', version: 'core', libc: 'none' },
    arch: 'any',
    runtimes: ['wasm'],
    init: 'none',
    config: { env: {}, entrypoint: [], cmd: [] },
    files: [],
    created_at: '',
  },
  file: () => path,
});

describe('the plan of a guest of modules', () => {
  it('survives the way to its process', () => {
    const made = plan({ image: stored('/blob'), network: 'open' });
    assert.deepEqual(parse(GuestPlan, JSON.parse(JSON.stringify(made))), { ok: true, value: made });
  });

  const sources: readonly [what: string, change: Partial<LaunchRequest>, names: readonly string[]][] = [
    ['nothing but the files of the guest', {}, []],
    ['a module by the name of its image', { image: stored('/blob') }, ['my-tool /blob']],
    ['a package of the registry', { image: { kind: 'reference', name: 'a/b@1' } }, ['a/b@1']],
    ['a runtime from the registry', { runtime: 'python' }, ['python/python']],
    ['a shell with its tools', { runtime: 'shell' }, ['wasmer/bash', 'wasmer/coreutils']],
    ['a runtime that the image brings', { runtime: 'python', image: stored('/blob') }, ['my-tool /blob']],
    ['more packages by an option', { options: { packages: ['a/c'] } }, ['a/c']],
  ];
  for (const [what, change, names] of sources) {
    it(`has programs from ${what}`, () => {
      const found = plan(change).sources.map(source =>
        'path' in source ? `${source.name} ${source.path}` : source.name,
      );
      assert.deepEqual(found, names);
    });
  }

  it('shows home and temporary files below what the person mounts, and everything read-only that was', () => {
    assert.deepEqual(
      plan().mounts.map(({ source, target, mode }) => `${source} ${target} ${mode}`),
      ['/state/home /home/dev rw', '/state/tmp /tmp rw', '/w /workspace rw', '/w/.git /workspace/.git ro'],
    );
    assert.deepEqual(topMounts(plan().mounts), ['/home/dev', '/tmp', '/workspace']);
  });

  it('gives an environment of its own, over which the sandbox has its say', () => {
    const { env } = plan();
    assert.deepEqual([env['HOME'], env['NAME'], env['HEYVM_SANDBOX']], ['/elsewhere', 'value', 'box']);
    assert.equal(
      Object.keys(env).some(name => name.startsWith('HEYVM_TEST')),
      false,
    );
  });

  it('refuses mount points of the system, images without a program, and unknown options', () => {
    const mounts = [...request.mounts, { source: '/x', target: '/etc', mode: 'ro' as const }];
    assert.throws(() => plan({ mounts }), { code: 'usage' });
    assert.throws(() => plan({ image: stored(undefined) }), { code: 'image-broken' });
    assert.throws(() => plan({ options: { nonsense: 1 } }), { code: 'settings-broken' });
  });

  it('names programs after their images', () => {
    for (const [image, name] of [
      ['tool', 'tool'],
      ['a/b/tool:1.2', 'tool'],
      ['tool.x:latest', 'tool.x'],
    ] as const)
      assert.equal(programName(image), name);
  });

  it('bounds memory in pages, within what the runtime can work with', () => {
    assert.deepEqual(memoryFlags(undefined), []);
    assert.deepEqual(memoryFlags(128 << 20), ['--wasm-max-mem-pages=2048']);
    assert.deepEqual(memoryFlags(1), ['--wasm-max-mem-pages=512']);
    assert.deepEqual(memoryFlags(2 ** 40), ['--wasm-max-mem-pages=65536']);
  });
});

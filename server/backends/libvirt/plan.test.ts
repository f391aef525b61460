// What a request becomes: hardware, shared folders, identity.
import { strict as assert } from 'node:assert';
import type { LaunchRequest } from '../../core/backend.ts';
import type { StoredImage } from '../../core/image.ts';
import { SandboxId } from '../../protocol/sandbox.ts';
import { placesOf } from './places.ts';
import { type PlanInput, planMachine } from './plan.ts';
import { domainName, sandboxOf, uuidOf } from './record.ts';

const id = SandboxId.parse('sb-01234567');

function image(change: Partial<StoredImage['manifest']> = {}): StoredImage {
  return {
    kind: 'stored',
    name: 'debian:12',
    manifest: {
      version: 1,
      name: 'debian:12',
      digest: `sha256:${'0'.repeat(64)}`,
      source: { kind: 'bootstrap', from: 'bookworm' },
      os: { id: 'debian', version: '12', libc: 'glibc' },
      arch: 'x64',
      runtimes: ['shell', 'python'],
      init: 'heyvm',
      config: { env: { FROM_IMAGE: 'yes', WORKSPACE: '/elsewhere' }, entrypoint: [], cmd: [] },
      files: [],
      created_at: '2026-01-01T00:00:00Z',
      ...change,
    },
    file: role => `/images/${role}`,
  };
}

function input(change: Partial<LaunchRequest> = {}, from: StoredImage = image()): PlanInput {
  const request: LaunchRequest = {
    id,
    name: 'try',
    type: 'general',
    runtime: 'shell',
    image: from,
    workspace: '/home/me/tree',
    mounts: [{ source: '/home/me/tree', target: '/workspace', mode: 'rw' }],
    env: {},
    network: 'none',
    limits: {},
    owner: { uid: 1000, gid: 1001 },
    cold: false,
    options: {},
    ...change,
  };
  return {
    request,
    image: from,
    places: placesOf({ state: '/s', runtime: '/r' }),
    storeId: 'abc',
    state: '/s',
    record: {
      version: 1,
      uri: 'qemu:///session',
      name: domainName({ storeId: 'abc' }, id),
      uuid: uuidOf('x'),
      workspace: '/home/me/tree',
      image: { name: 'debian:12', digest: '' },
    },
    host: { accelerator: 'tcg', emulator: '/e/heyvm-qemu' },
  };
}

describe('plan of a machine', () => {
  const hardware = [
    { limits: {}, processors: 1, memoryMiB: 1024 },
    { limits: { cpus: 0.2 }, processors: 1, memoryMiB: 1024 },
    { limits: { cpus: 2.5 }, processors: 3, memoryMiB: 1024 },
    { limits: { memory: 512 * 1024 * 1024 }, processors: 1, memoryMiB: 608 },
    { limits: { memory: 1 }, processors: 1, memoryMiB: 97 },
  ];
  for (const { limits, ...expected } of hardware) {
    it(`has ${expected.processors} processors and ${expected.memoryMiB} MiB for ${JSON.stringify(limits)}`, () => {
      const { processors, memoryMiB } = planMachine(input({ limits })).machine;
      assert.deepEqual({ processors, memoryMiB }, expected);
    });
  }

  it('composes all mounts in their order, and lets the guest bind the outermost', () => {
    const mounts = [
      { source: '/home/me/tree', target: '/workspace', mode: 'rw' },
      { source: '/view', target: '/home/me/repo/.git', mode: 'ro' },
      { source: '/home/me/repo/.git/objects', target: '/home/me/repo/.git/objects', mode: 'rw' },
      { source: '/file', target: '/workspace/.git', mode: 'ro' },
      { source: '/data', target: '/data', mode: 'ro' },
    ] as const;
    const { stage, setup } = planMachine(input({ mounts }));
    assert.deepEqual(
      stage.binds,
      mounts.map(({ source, target, mode }) => ({ from: source, to: target, mode })),
    );
    assert.deepEqual(setup.binds, [
      { from: '/run/heyvm/share/workspace', to: '/workspace', mode: 'rw' },
      { from: '/run/heyvm/share/home/me/repo/.git', to: '/home/me/repo/.git', mode: 'rw' },
      { from: '/run/heyvm/share/data', to: '/data', mode: 'ro' },
    ]);
  });

  it('does not show QEMU what is served instead', () => {
    const shared = planMachine(input());
    const { machine, stage, served } = planMachine(input({ options: { workspace: 'reverse-sftp' } }));
    assert.deepEqual([shared.machine.shared, machine.shared], ['over 9p', 'not']);
    assert.deepEqual(stage.binds, []);
    assert.deepEqual(served, shared.stage);
  });

  it('gives programs the number of whom the workspace belongs to', () => {
    assert.deepEqual(planMachine(input()).setup.user, {
      name: 'dev',
      uid: 1000,
      gid: 1001,
      home: '/home/dev',
    });
    assert.equal(planMachine(input({ owner: { uid: 0, gid: 0 } })).setup.user?.name, 'root');
    const named = planMachine(input({ user: 'vscode' })).setup.user;
    assert.deepEqual([named?.name, named?.home], ['vscode', '/home/vscode']);
  });

  it('lets the sandbox win over the image, and the person over the sandbox', () => {
    const { env } = planMachine(input({ env: { LANG: 'de' } })).setup;
    assert.deepEqual(env, {
      LANG: 'de',
      FROM_IMAGE: 'yes',
      WORKSPACE: '/workspace',
      HEYVM_SANDBOX: 'try',
    });
  });

  it('has a network only when it is open', () => {
    assert.equal(planMachine(input()).setup.network, undefined);
    const { network } = planMachine(input({ network: 'open' })).setup;
    assert.match(network?.mac ?? '', /^02(:[0-9a-f]{2}){5}$/);
  });

  it('boots a vendor’s disk by its firmware, with a seed', () => {
    const { machine } = planMachine(input({}, image({ init: 'cloud-init' })));
    assert.deepEqual([machine.boot, machine.seed], [{ kind: 'firmware' }, '/s/seed.iso']);
  });

  it('refuses a runtime that the image has not', () => {
    assert.throws(() => planMachine(input({ runtime: 'node' })), { code: 'runtime-missing' });
  });

  for (const target of ['/', '/usr/lib', '/etc/passwd', '/tmp', '/a/../b', 'relative']) {
    it(`refuses ${target} as a mount point`, () => {
      const mounts = [{ source: '/x', target, mode: 'ro' }] as const;
      assert.throws(() => planMachine(input({ mounts })), { code: 'usage' });
    });
  }
});

describe('names of domains', () => {
  it('tell the sandbox and the store', () => {
    const mine = { storeId: 'abc' };
    assert.equal(sandboxOf(mine, domainName(mine, id)), id);
    for (const other of ['heyvm-abcd-sb-01234567', 'heyvm-abc-sb-0123456', 'x', '']) {
      assert.equal(sandboxOf(mine, other), undefined);
    }
  });

  it('give the same valid uuid each time', () => {
    assert.equal(uuidOf('a'), uuidOf('a'));
    assert.notEqual(uuidOf('a'), uuidOf('b'));
    assert.match(uuidOf('a'), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

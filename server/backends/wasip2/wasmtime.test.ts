// How wasmtime is asked, as tables: against what its own help says about each flag, and what it must not be asked.
import { strict as assert } from 'node:assert';
import type { LaunchRequest } from '../../core/backend.ts';
import type { ExecRequest } from '../../protocol/exec.ts';
import { SandboxId } from '../../protocol/sandbox.ts';
import { mountsOf } from './places.ts';
import type { Asked, Host } from './plan.ts';
import { isNewEnough, planWasmtime, wasmtimeGaps } from './wasmtime.ts';

const request: LaunchRequest = {
  id: SandboxId.parse('sb-00000001'),
  name: 'demo',
  type: 'general',
  runtime: 'wasm',
  workspace: '/w',
  mounts: [{ source: '/w', target: '/workspace', mode: 'rw' }],
  env: {},
  network: 'none',
  limits: {},
  owner: { uid: 1000, gid: 1000 },
  options: {},
  cold: false,
};

const host: Host = { node: '/node', env: {}, launcher: undefined, uid: 1000 };

function asked(change: Partial<LaunchRequest> = {}, on: Partial<Host> = {}): Asked {
  const wanted = { ...request, ...change };
  return { host: { ...host, ...on }, request: wanted, mounts: mountsOf(wanted, '/s'), prepared: '/c/abc' };
}

const exec: ExecRequest = { argv: ['tool', '--help', 'a b'] };

/** Options of `wasmtime run` with the values that they take, from its help. */
const flags: Readonly<Record<string, RegExp>> = {
  '-C': /^cache=[yn]$/,
  '--dir': /^\/[^:]*::[^:]+$/,
  '--env': /^[A-Za-z_]\w*(=.*)?$/,
  '-W': /^(max-memory-size|fuel)=\d+$/,
  '-S': /^(cli-exit-with-code|inherit-network|allow-ip-name-lookup|http|tcp|udp)=[yn]$/,
  '--argv0': /./,
};

/** What wasmtime would understand, or the reason why it would not. */
function understood(argv: readonly string[]): {
  given: Map<string, string[]>;
  module: string;
  args: string[];
} {
  const [program, command, ...rest] = argv;
  assert.deepEqual([program, command], ['/wasmtime', 'run']);
  const given = new Map<string, string[]>();
  while (rest[0] !== '--') {
    const [flag = '', value = ''] = rest.splice(0, 2);
    assert.match(value, flags[flag] ?? /^(?!)/, `${flag} ${value}`);
    given.set(flag, [...(given.get(flag) ?? []), value]);
  }
  const [, module = '', ...args] = rest;
  return { given, module, args };
}

function plan(of: Asked, fuel?: number): ReturnType<typeof understood> {
  return understood(planWasmtime(of, exec, { program: '/wasmtime', fuel }).argv);
}

describe('wasmtime', () => {
  it('is given the folders, the current one last, and the arguments unchanged', () => {
    const { given, module, args } = plan(asked());
    assert.deepEqual(given.get('--dir'), ['/s/home::/home/dev', '/s/tmp::/tmp', '/w::/workspace', '/w::.']);
    assert.deepEqual(
      [module, args, given.get('--argv0')],
      ['/c/abc/module.wasm', ['--help', 'a b'], ['tool']],
    );
  });

  it('has no environment and no cache of the person', () => {
    assert.deepEqual(planWasmtime(asked(), exec, { program: '/wasmtime', fuel: undefined }).env, {});
    assert.deepEqual(plan(asked()).given.get('-C'), ['cache=n']);
  });

  it('is cut off from the network unless that is open', () => {
    assert.deepEqual(plan(asked()).given.get('-S'), ['cli-exit-with-code=y', 'tcp=n', 'udp=n']);
    assert.ok(
      plan(asked({ network: 'open' }))
        .given.get('-S')
        ?.includes('inherit-network=y'),
    );
  });

  it('bounds memory and fuel where they are bounded', () => {
    assert.equal(plan(asked()).given.get('-W'), undefined);
    assert.deepEqual(plan(asked({ limits: { memory: 1000 } }), 5).given.get('-W'), [
      'max-memory-size=1000',
      'fuel=5',
    ]);
  });

  for (const [what, of, more] of [
    ['show folders read-only', asked({ mounts: [{ source: '/d', target: '/data', mode: 'ro' }] }), {}],
    [
      'show a folder inside another one',
      asked({ mounts: [...request.mounts, { source: '/d', target: '/workspace/d', mode: 'rw' }] }),
      {},
    ],
    ['make files for another user', asked({}, { uid: 0 }), {}],
    ['be given TOKEN, LD_PRELOAD unseen', asked({ env: { TOKEN: '1' } }), { env: { LD_PRELOAD: '/x' } }],
  ] as const) {
    it(`is refused because it cannot ${what}`, () => {
      assert.throws(() => planWasmtime(of, { ...exec, ...more }, { program: '/wasmtime', fuel: undefined }), {
        code: 'policy-unenforceable',
        message: new RegExp(`wasmtime cannot ${what}`),
      });
    });
  }

  it('is refused a folder whose name it would cut at two colons', () => {
    const inside = { ...exec, cwd: '/workspace/link::x' };
    assert.throws(() => planWasmtime(asked(), inside, { program: '/wasmtime', fuel: undefined }), {
      code: 'policy-unenforceable',
      message: /two colons/,
    });
  });

  it('passes on language and terminal', () => {
    assert.deepEqual(wasmtimeGaps(asked({ env: { LANG: 'C' } }), { env: { LC_ALL: 'C', TERM: 'x' } }), []);
  });

  it('is told from one that is too old', () => {
    assert.deepEqual(['24.0.1', '25.0.0', '49.0.4', ''].map(isNewEnough), [false, true, true, false]);
  });
});

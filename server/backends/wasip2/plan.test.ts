// What a process of this backend is told, and how it is started, as tables.
import { strict as assert } from 'node:assert';
import type { LaunchRequest } from '../../core/backend.ts';
import { type Mount, SandboxId } from '../../protocol/sandbox.ts';
import { Orders, PrepareOrders } from './inside/orders.ts';
import { mountsOf } from './places.ts';
import { type Asked, environmentOf, type Host, planProcess, runOrders, serveOrders } from './plan.ts';

const request: LaunchRequest = {
  id: SandboxId.parse('sb-00000001'),
  name: 'demo',
  type: 'general',
  runtime: 'wasm',
  workspace: '/w',
  mounts: [{ source: '/w', target: '/workspace', mode: 'rw' }],
  env: { OWN: 'a=b c', LANG: 'de_DE.UTF-8' },
  network: 'none',
  limits: {},
  owner: { uid: 1000, gid: 1001 },
  options: {},
  cold: false,
};

const host: Host = { node: '/node', env: {}, launcher: '/agent', uid: 1000 };

function asked(change: Partial<LaunchRequest> = {}, on: Partial<Host> = {}): Asked {
  const wanted = { ...request, ...change };
  return {
    host: { ...host, ...on },
    request: wanted,
    mounts: mountsOf(wanted, '/state'),
    prepared: '/cache/abc',
  };
}

describe('plan of a process for WebAssembly', () => {
  it('ends with its parent, by the kernel where that can', () => {
    assert.deepEqual(planProcess(host, '/p.cjs').argv.slice(0, 5), [
      ...['/agent', 'launch', '--die-with-parent', '--', '/node'],
    ]);
    assert.equal(planProcess({ ...host, launcher: undefined }, '/p.cjs').argv[0], '/node');
    assert.equal(runOrders(asked(), { argv: ['x'] }).watch, 'kernel');
    assert.equal(runOrders(asked({}, { launcher: undefined }), { argv: ['x'] }).watch, 'line');
  });

  for (const [memory, pages] of [
    [undefined, undefined],
    [64 * 1024 * 1024, 1024],
    [100_000, 1],
    [1, 1],
  ] as const) {
    it(`bounds the memory of a module to ${pages ?? 'no'} pages when ${memory ?? 'nothing'} is allowed`, () => {
      const flag = planProcess(host, '/p.cjs', memory).argv.find(word =>
        word.startsWith('--wasm-max-mem-pages'),
      );
      assert.equal(flag, pages === undefined ? undefined : `--wasm-max-mem-pages=${pages}`);
    });
  }

  it('has no environment of its own, and tells none on its command line', () => {
    const { argv, env } = planProcess(host, '/p.cjs');
    assert.deepEqual(env, {});
    assert.ok(!argv.join(' ').includes('OWN'));
  });

  it('is told what its program sees, and what the schema of its orders takes', () => {
    const orders = runOrders(asked(), { argv: ['tool', 'x'], cwd: '/tmp' });
    assert.deepEqual(Orders.parse(JSON.parse(JSON.stringify(orders))), orders);
    assert.deepEqual(orders.mounts, [
      { source: '/state/home', target: '/home/dev', mode: 'rw' },
      { source: '/state/tmp', target: '/tmp', mode: 'rw' },
      { source: '/w', target: '/workspace', mode: 'rw' },
    ]);
    assert.deepEqual([orders.argv, orders.cwd, orders.network], [['tool', 'x'], '/tmp', 'none']);
    assert.equal(serveOrders(asked({ network: 'open' }), '/run/http').network, 'open');
    assert.equal(PrepareOrders.safeParse({ watch: 'line', name: 'x', shelf: '/s', more: 1 }).success, false);
  });

  it('gives files to the person when root runs it for somebody, and only then', () => {
    const ownerOf = (uid: number, owner: LaunchRequest['owner']) =>
      runOrders(asked({ owner }, { uid }), { argv: ['x'] }).owner;
    assert.equal(ownerOf(1000, request.owner), undefined);
    assert.equal(ownerOf(0, { uid: 0, gid: 0 }), undefined);
    assert.deepEqual(ownerOf(0, request.owner), request.owner);
  });

  it('lets the last word about a variable win', () => {
    const env = environmentOf(request, { env: { OWN: 'exec' }, cwd: '/tmp' });
    assert.deepEqual(
      [env['OWN'], env['LANG'], env['PWD'], env['HOME'], env['HEYVM_SANDBOX']],
      ['exec', 'de_DE.UTF-8', '/tmp', '/home/dev', 'demo'],
    );
  });

  it('refuses mounts where the guest has its own', () => {
    const data = (target: string): readonly Mount[] => [{ source: '/d', target, mode: 'ro' }];
    assert.throws(() => mountsOf({ ...request, mounts: data('/home/dev') }, '/state'), { code: 'usage' });
    assert.throws(() => mountsOf({ ...request, mounts: data('/data/..') }, '/state'), { code: 'usage' });
    assert.equal(mountsOf({ ...request, mounts: data('/data') }, '/state').length, 3);
  });
});

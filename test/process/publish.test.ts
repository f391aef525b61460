// Published ports: a port of this machine leads to one of the guest, as long as its owner lives.
import { strict as assert } from 'node:assert';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { identify } from '../../server/platform/process.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { eventually } from '../support/eventually.ts';
import { withFakeBuild } from '../support/fakeBuild.ts';
import { type Engine, kill, needEngine, newEngine } from './support/engine.ts';

describe('a published port', function () {
  this.timeout(120_000);
  let engine: Engine;
  let inside: Server;
  before(needEngine);
  const build = withFakeBuild();
  beforeEach(async () => {
    engine = newEngine({ bundle: build() });
    // The external fake's guests are on this machine, so what listens here listens inside.
    inside = await listenOn(0, 'from inside');
  });
  afterEach(async () => {
    inside.close();
    await engine.dispose();
  });

  const guestPort = () => portOf(inside);
  const create = (ports: { guest: number; host?: number }[]): Promise<SandboxInfo> =>
    engine.create({ name: 'one', backend: 'fakeext', ports });
  const hostPort = ({ ports }: SandboxInfo): number => ports[0]?.host ?? assert.fail('not published');

  it('leads inside, is shown with its address, and goes with the sandbox', async () => {
    const made = await create([{ guest: guestPort() }]);
    const host = hostPort(made);
    assert.deepEqual(made.ports, [{ guest: guestPort(), host, url: `http://127.0.0.1:${host}` }]);
    assert.equal(await ask(host), 'from inside');
    const { sandboxes } = await engine.call('sandbox/list', {});
    assert.deepEqual(sandboxes[0]?.ports, made.ports);
    const { sandbox } = await engine.call('sandbox/stop', { sandbox: 'one' });
    assert.deepEqual(sandbox.ports, [{ guest: guestPort() }]);
    await assert.rejects(ask(host), { code: 'ECONNREFUSED' });
  });

  it('is the one that was asked for, or a refusal before anything runs', async () => {
    const free = await freePort();
    assert.equal(hostPort(await create([{ guest: guestPort(), host: free }])), free);
    const taken = { name: 'two', backend: 'fakeext', ports: [{ guest: 80, host: free }] };
    await assert.rejects(engine.create(taken), { code: 'port-taken', message: new RegExp(String(free)) });
    assert.deepEqual(
      (await engine.call('sandbox/list', {})).sandboxes.map(({ name }) => name),
      ['one'],
    );
  });

  it('is chosen anew with a start, and refused to one that runs already', async () => {
    await create([]);
    const ports = [{ guest: guestPort() }];
    await assert.rejects(engine.call('sandbox/start', { sandbox: 'one', ports }), { code: 'busy' });
    await engine.call('sandbox/stop', { sandbox: 'one' });
    const { sandbox } = await engine.call('sandbox/start', { sandbox: 'one', ports });
    assert.equal(await ask(hostPort(sandbox)), 'from inside');
  });

  it('stays the same when another owner takes over', async () => {
    const made = await create([{ guest: guestPort() }]);
    const pid = made.owner?.pid ?? assert.fail('no owner');
    kill(pid);
    await eventually(() => identify(pid) === undefined);
    const { sandbox } = await engine.call('sandbox/get', { sandbox: 'one', settled: true });
    assert.deepEqual(sandbox.ports, made.ports);
    assert.equal(await ask(hostPort(sandbox)), 'from inside');
  });

  it('closes the connection when nothing listens inside', async () => {
    const closed = await freePort();
    const made = await create([{ guest: closed }]);
    assert.equal(await ask(hostPort(made)), '');
  });
});

async function listenOn(port: number, words: string): Promise<Server> {
  const server = createServer(socket => socket.end(words));
  await new Promise<void>(resolve => server.listen({ port, host: '127.0.0.1' }, resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

async function freePort(): Promise<number> {
  const server = await listenOn(0, '');
  const port = portOf(server);
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function ask(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return text(socket).catch(() => '');
}

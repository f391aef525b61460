// Ports of a sandbox, seen from inside and made reachable on this machine.
import { strict as assert } from 'node:assert';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { eventually } from '../support/eventually.ts';
import { errorOf, listenTo, makeWorld, needEngine, textOf, type World } from './support/world.ts';

/** Answers every connection with its first line in capitals, and then its end. */
const echo = `
import socket, threading
server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('127.0.0.1', PORT)); server.listen(50)
def serve(client):
    data = b''
    while True:
        chunk = client.recv(65536)
        if not chunk: break
        data += chunk
    client.sendall(data.upper()); client.close()
while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
`;

describe('heyvm and ports', () => {
  let world: World;
  const running: ChildProcess[] = [];

  before(async function () {
    needEngine(this);
    world = await makeWorld();
    const python = await world.heyvm(['create', '--name', 'box', '--runtime', 'python', '--format', 'json']);
    if (python.code === 5) {
      console.log(`not run: ${errorOf(python).message}`);
      this.skip();
    }
    assert.equal(python.code, 0, python.stderr);
  });
  after(async () => {
    for (const child of running) {
      child.kill('SIGINT');
      if (child.exitCode === null) await once(child, 'close');
    }
    await world?.end();
  });

  it('says that nothing listens, and then what does', async () => {
    assert.deepEqual(await world.json(['ports', 'box']), []);
    assert.match((await world.heyvm(['ports', 'box'])).stderr, /nothing listens/);
    running.push(world.start(['exec', 'box', 'python3', '-c', echo.replace('PORT', '4180')]));
    await eventually(async () => JSON.stringify(await world.json(['ports', 'box'])).includes('4180'), {
      what: 'the port',
    });
    assert.match((await world.heyvm(['ports', 'box'])).stdout, /4180 +127\.0\.0\.1/);
  });

  it('carries bytes both ways, with the end of each, many at once', async () => {
    const { child, ports } = await forward(['box', '4180']);
    const [port] = ports;
    assert.ok(port);
    assert.equal(port.guest, 4180);
    assert.equal(port.address, '127.0.0.1');
    assert.equal(await exchange(port.host, 'hello'), 'HELLO');
    const big = 'abc'.repeat(1_000_000);
    assert.equal((await exchange(port.host, big)).length, big.length);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => exchange(port.host, `n${index}`)),
    );
    assert.deepEqual(
      answers,
      answers.map((_, index) => `N${index}`),
    );
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'close'), [130, null]);
    await assert.rejects(exchange(port.host, 'x'), /ECONNREFUSED/);
  });

  it('forwards several at once, to the host ports that are named', async () => {
    const free = await freePort();
    const { child, ports } = await forward(['box', `${free}:4180`, '0:4181']);
    assert.deepEqual(
      ports.map(port => port.guest),
      [4180, 4181],
    );
    assert.equal(ports[0]?.host, free);
    assert.equal(await exchange(free, 'named'), 'NAMED');
    // Nobody listens on the second one inside: the connection just ends, and the first one goes on.
    assert.equal(await exchange(ports[1]?.host ?? 0, 'x').catch(() => ''), '');
    assert.equal(await exchange(free, 'still'), 'STILL');
    child.kill('SIGTERM');
    await once(child, 'close');
  });

  it('takes the next port when the same one is in use, and refuses a named one', async () => {
    const taken = createServer().listen(4180, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const { child, ports } = await forward(['box', '4180']);
      assert.notEqual(ports[0]?.host, 4180);
      child.kill('SIGINT');
      await once(child, 'close');
      const named = await world.heyvm(['forward', 'box', '4180:4180', '--format', 'json']);
      assert.deepEqual([named.code, errorOf(named).code], [6, 'busy']);
    } finally {
      taken.close();
    }
  });

  async function forward(args: readonly string[]) {
    const child = world.start(['forward', '--format', 'json', ...args]);
    running.push(child);
    const heard = listenTo(child.stdout);
    const complaints = listenTo(child.stderr);
    await eventually(() => heard.text.endsWith(']\n'), { what: `the ports (${complaints.text})` });
    return { child, ports: JSON.parse(heard.text) as { guest: number; host: number; address: string }[] };
  }
});

async function exchange(port: number, text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await once(socket, 'connect');
  socket.end(text);
  return textOf(socket);
}

async function freePort(): Promise<number> {
  const server: Server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

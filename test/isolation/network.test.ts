// Attacks from inside on the network of the host, from a guest that has none.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { withAttacker } from './attacker.ts';

describe('isolation: network none', () => {
  const attacker = withAttacker();
  const servers: Server[] = [];
  const abstract = `\0heyvm-test-${process.pid}`;
  let port = 0;

  before(async () => {
    const tcp = createServer(socket => socket.end('host')).listen(0, '127.0.0.1');
    const unix = createServer(socket => socket.end('host')).listen(abstract);
    servers.push(tcp, unix);
    await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
    port = (tcp.address() as { port: number }).port;
  });

  after(() => {
    for (const server of servers) server.close();
  });

  const connects = async (expression: string): Promise<string> => {
    const script = `import socket; s = ${expression}; print(s.recv(100))`;
    const { stdout, stderr } = await attacker().sh(`timeout 10 python3 -c "${script}"`);
    return stdout === '' ? (stderr.trim().split('\n').at(-1) ?? '') : stdout.trim();
  };

  it('loopback services of the host do not answer', async () => {
    assert.match(await connects(`socket.create_connection(('127.0.0.1', ${port}), 3)`), /refused/);
    assert.match(
      await connects(`socket.create_connection(('::1', ${port}), 3)`),
      /refused|unreachable|assign/i,
    );
  });

  it('addresses outside cannot be reached, the metadata service least of all', async () => {
    for (const address of ['169.254.169.254', '192.0.2.1', '10.0.0.1']) {
      assert.match(await connects(`socket.create_connection(('${address}', 80), 3)`), /unreachable/);
    }
  });

  it('names cannot be resolved', async () => {
    assert.match(await connects("socket.create_connection(('example.com', 80), 3)"), /resolution|not known/);
  });

  it('abstract sockets of the host are not there', async () => {
    const name = `\\\\0heyvm-test-${process.pid}`;
    const script = `(lambda s: (s.connect('${name}'), s)[1])(socket.socket(socket.AF_UNIX))`;
    assert.match(await connects(script), /refused/);
    assert.match(readFileSync('/proc/net/unix', 'utf8'), new RegExp(`heyvm-test-${process.pid}`));
    assert.ok(!(await attacker().sh('cat /proc/net/unix')).stdout.includes('heyvm-test'));
  });

  it('there is no interface but loopback', async () => {
    const { stdout } = await attacker().sh('tail -n +3 /proc/net/dev | cut -d: -f1');
    assert.equal(stdout.trim(), 'lo');
  });

  it('a server inside is not reachable from the host', async () => {
    const { guest } = attacker();
    const script =
      "import socket; s = socket.create_server(('0.0.0.0', 45678)); print('ready', flush=True); s.accept()";
    const child = await guest.exec({ argv: ['python3', '-c', script] });
    await once(child.stdout, 'data');
    await assert.rejects(fetch('http://127.0.0.1:45678/'));
    await child.signal('KILL');
    await child.exited;
  });
});

// Forwarding through OpenSSH: what reaches into the guest works, what would lead out of it is refused.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { hasProgram, type Outcome, run } from './support/run.ts';
import { startSandbox, type TestSandbox, whyNot } from './support/sandbox.ts';

/** Answers one line of HTTP on port 8080 and on a socket, and echoes backwards after the end of input on 8081. */
const service = `
const http = require('node:http'), net = require('node:net');
const answer = (request, response) => response.end('from inside ' + request.url);
http.createServer(answer).listen(8080, '127.0.0.1');
http.createServer(answer).listen('/tmp/web.sock');
net.createServer({ allowHalfOpen: true }, socket => {
  let all = '';
  socket.on('data', data => (all += data)).on('end', () => socket.end(all.split('').reverse().join('')));
}).listen(8081, '127.0.0.1', () => console.log('listening'));
`;

describe('ssh forwards', () => {
  let box: TestSandbox;
  let inside: ChildProcess;
  before(async function () {
    const why = (await whyNot()) ?? ((await hasProgram('curl')) ? undefined : 'curl is not installed');
    if (why !== undefined) {
      console.log(`not run: ${why}`);
      return this.skip();
    }
    box = await startSandbox();
    // The guest has no Node of its own, so that this one is laid into its home.
    await run(['cp', process.execPath, join(box.home, 'node')]);
    inside = spawn('ssh', ['-F', box.config, '-T', box.alias, '/home/dev/node', '-']);
    inside.stdin?.end(service);
    await once(inside.stdout ?? assert.fail(), 'data');
  });
  after(async () => {
    inside?.kill();
    await box?.dispose();
  });

  /** Runs ssh with the given forward while `use` is at work. */
  const withForward = async <T>(args: readonly string[], use: () => Promise<T>): Promise<T> => {
    const client = spawn('ssh', ['-F', box.config, '-N', ...args, box.alias], { stdio: 'inherit' });
    try {
      return await use();
    } finally {
      client.kill();
      await once(client, 'exit');
    }
  };
  const curl = (...args: readonly string[]): Promise<Outcome> =>
    eventually(async () => {
      const outcome = await run(['curl', '-sS', '--noproxy', 'nobody', '--max-time', '5', ...args]);
      return outcome.code === 7 ? undefined : outcome;
    });

  it('-L reaches a port inside', async () => {
    const port = await freePort();
    const got = await withForward(['-L', `127.0.0.1:${port}:127.0.0.1:8080`], () =>
      curl(`http://127.0.0.1:${port}/a`),
    );
    assert.equal(got.stdout.toString(), 'from inside /a', got.stderr);
  });

  it('-L reaches a socket inside', async () => {
    const port = await freePort();
    const got = await withForward(['-L', `127.0.0.1:${port}:/tmp/web.sock`], () =>
      curl(`http://127.0.0.1:${port}/b`),
    );
    assert.equal(got.stdout.toString(), 'from inside /b', got.stderr);
  });

  it('-D reaches what the guest names, many at once', async () => {
    const port = await freePort();
    await withForward(['-D', `127.0.0.1:${port}`], async () => {
      const proxy = ['--socks5-hostname', `127.0.0.1:${port}`];
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) => curl(...proxy, `http://localhost:8080/${index}`)),
      );
      assert.deepEqual(
        answers.map(({ stdout }) => stdout.toString()),
        Array.from({ length: 8 }, (_, index) => `from inside /${index}`),
      );
    });
  });

  it('-D does not reach past the guest when its policy has no network', async () => {
    const port = await freePort();
    const outer = createServer(socket => socket.end('leak')).listen(0, '127.0.0.1');
    await once(outer, 'listening');
    const { port: hostPort } = outer.address() as AddressInfo;
    await withForward(['-D', `127.0.0.1:${port}`], async () => {
      const proxy = ['--socks5-hostname', `127.0.0.1:${port}`];
      assert.notEqual((await curl(...proxy, `http://127.0.0.1:${hostPort}/`)).code, 0);
      assert.notEqual((await curl(...proxy, 'http://192.0.2.1/')).code, 0);
    });
    outer.close();
    assert.match(box.log(), /ssh forward/);
  });

  it('-W passes half-close on in both directions', async () => {
    const { code, stdout } = await run(['ssh', '-F', box.config, '-W', '127.0.0.1:8081', box.alias], {
      input: 'abc',
    });
    assert.deepEqual([code, stdout.toString()], [0, 'cba']);
  });

  it('refuses a port where nobody listens without ending the connection', async () => {
    const [closed, open] = [await freePort(), await freePort()];
    const forwards = ['-L', `127.0.0.1:${closed}:127.0.0.1:9`, '-L', `127.0.0.1:${open}:127.0.0.1:8080`];
    await withForward(forwards, async () => {
      assert.notEqual((await curl(`http://127.0.0.1:${closed}/`)).code, 0);
      assert.equal((await curl(`http://127.0.0.1:${open}/c`)).stdout.toString(), 'from inside /c');
    });
  });

  it('refuses remote forwards of ports and sockets and goes on', async () => {
    const args = ['-R', '0:127.0.0.1:22', '-R', '/tmp/back.sock:/tmp/none', box.alias, 'ls /tmp; exit 4'];
    const { code, stdout } = await box.ssh(args);
    assert.equal(code, 4);
    assert.doesNotMatch(stdout.toString(), /back\.sock/);
  });

  it('gives neither the agent nor the display of the client away', async () => {
    const { stdout } = await box.ssh(['-A', '-X', box.alias, 'echo "[$SSH_AUTH_SOCK$DISPLAY]"'], {
      env: { SSH_AUTH_SOCK: '/tmp/agent', DISPLAY: ':0' },
    });
    assert.equal(stdout.toString(), '[]\n');
  });

  it('opens no TCP port for all of this', async () => {
    const sockets = await readFile(`/proc/${box.endpoint.pid}/net/tcp`, 'utf8');
    const inodes = await run(['sh', '-c', `ls -l /proc/${box.endpoint.pid}/fd`]);
    const own = new Set(
      [...inodes.stdout.toString().matchAll(/socket:\[(\d+)\]/g)].map(([, inode]) => inode),
    );
    const listening = sockets
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .filter(fields => fields[3] === '0A');
    assert.deepEqual(
      listening.filter(fields => own.has(fields[9])),
      [],
    );
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

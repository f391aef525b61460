// Clients that are not OpenSSH: editors with an SSH library of their own, and ones that misbehave.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { connect } from '../../server/platform/sockets.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { eventually } from '../support/eventually.ts';
import { run } from './support/run.ts';
import { startSandbox, type TestSandbox, whyNot } from './support/sandbox.ts';

describe('an ssh client of another make', () => {
  let box: TestSandbox;
  const proxies: ChildProcess[] = [];
  before(async function () {
    const why = await whyNot();
    if (why !== undefined) {
      console.log(`not run: ${why}`);
      return this.skip();
    }
    box = await startSandbox();
  });
  after(async () => {
    for (const proxy of proxies) proxy.kill();
    await box?.dispose();
  });

  const socketOf = () => connect(sandboxPaths(box.paths, box.id).sshSocket);
  const clientOver = async (sock: Duplex, username = 'anybody'): Promise<Client> => {
    const client = new ssh2.Client();
    const pinned = (await readFile(box.paths.knownHosts, 'utf8')).split(' ')[2]?.trim();
    client.connect({ sock, username, hostVerifier: (key: Buffer) => key.toString('base64') === pinned });
    await once(client, 'ready');
    return client;
  };
  const exec = (client: Client, command: string, options = {}) =>
    new Promise<ClientChannel>((resolve, reject) => {
      client.exec(command, options, (error, channel) =>
        error === undefined ? resolve(channel) : reject(error),
      );
    });
  /** The endpoint still serves others. */
  const stillServes = async () => {
    assert.equal((await box.ssh([box.alias, 'echo well'])).stdout.toString(), 'well\n');
    assert.doesNotMatch(box.log(), /UNHANDLED/);
  };

  it('gets in through the ProxyCommand of the alias, split without a shell', async () => {
    const { stdout } = await run(['ssh', '-F', box.config, '-G', box.alias]);
    const [program = '', ...args] = (/^proxycommand (.+)$/m.exec(stdout.toString())?.[1] ?? '').split(' ');
    const proxy = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    proxies.push(proxy);
    const client = await clientOver(Duplex.from({ readable: proxy.stdout, writable: proxy.stdin }));
    assert.equal(await text(await exec(client, 'pwd')), '/workspace\n');
    client.end();
  });

  it('follows the size of its window', async () => {
    const client = await clientOver(await socketOf());
    const channel = await exec(client, 'stty size; read -r go; stty size', { pty: { cols: 90, rows: 30 } });
    const said = text(channel);
    await once(channel, 'readable');
    channel.setWindow(44, 132, 0, 0);
    await eventually(async () => {
      const other = await exec(client, 'for t in /dev/pts/[0-9]*; do stty size <$t; done');
      return (await text(other)).includes('44 132');
    });
    channel.write('go\n');
    assert.match(await said, /30 90[\s\S]*44 132/);
    client.end();
  });

  it('sends signals to what it started', async () => {
    const client = await clientOver(await socketOf());
    const channel = await exec(client, 'trap "exit 8" USR1; echo ready; while :; do sleep 0.05; done');
    await once(channel, 'data');
    channel.signal('USR1');
    const [code] = await once(channel, 'exit');
    assert.equal(code, 8);
    client.end();
  });

  it('hears which signal ended a program', async () => {
    const client = await clientOver(await socketOf());
    const channel = await exec(client, 'kill -KILL $$');
    const [code, signal] = await once(channel.resume(), 'exit');
    assert.deepEqual([code, signal], [null, 'SIGKILL']);
    client.end();
  });

  it('may use many channels of one connection at once', async () => {
    const client = await clientOver(await socketOf());
    const input = randomBytes(400_000);
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const channel = await exec(client, 'cat');
        const parts: Buffer[] = [];
        channel.on('data', (part: Buffer) => parts.push(part));
        channel.end(input);
        await once(channel, 'close');
        return Buffer.concat(parts).equals(input);
      }),
    );
    assert.deepEqual(new Set(answers), new Set([true]));
    client.end();
  });

  it('may let go of one channel without the others noticing', async () => {
    const client = await clientOver(await socketOf());
    const [gone, kept] = await Promise.all([exec(client, 'echo $$; exec sleep 1000'), exec(client, 'cat')]);
    const [pid] = await once(gone, 'data');
    gone.close();
    await eventually(
      async () => (await text(await exec(client, `kill -0 ${String(pid).trim()} || echo gone`))) === 'gone\n',
    );
    kept.end('kept');
    assert.equal(await text(kept), 'kept');
    client.end();
  });

  it('loses its programs with its connection, also while their output waits', async () => {
    const client = await clientOver(await socketOf());
    const channel = await exec(client, 'echo $$ >/workspace/pid; exec cat /dev/zero');
    channel.pause();
    const pid = await eventually(
      async () => (await box.ssh([box.alias, 'cat pid'])).stdout.toString().trim() || false,
    );
    client.destroy();
    await eventually(async () => (await box.ssh([box.alias, `kill -0 ${pid}`])).code === 1);
  });

  it('is not let in by anything but its way in', async () => {
    const client = new ssh2.Client();
    client.connect({ sock: await socketOf(), username: 'dev', password: 'guess', authHandler: ['password'] });
    const [error] = await once(client, 'error');
    assert.match(String(error), /authentication/i);
    await stillServes();
  });

  const garbage: Readonly<Record<string, (socket: Socket) => void>> = {
    'says nothing and leaves': socket => socket.end(),
    'speaks HTTP': socket => socket.write('GET / HTTP/1.1\r\n\r\n'),
    'sends noise after the greeting': socket =>
      socket.write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), randomBytes(70_000)])),
    'sends an endless greeting': socket => socket.write(Buffer.alloc(200_000, 'x')),
    'breaks off in the middle of a packet': socket => {
      socket.write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0, 0, 4, 0, 8, 20])]));
      socket.destroy();
    },
  };
  for (const [what, act] of Object.entries(garbage)) {
    it(`harms nobody when it ${what}`, async () => {
      const socket = await socketOf();
      socket.on('error', () => {}).resume();
      act(socket);
      await stillServes();
      socket.destroy();
    });
  }
});

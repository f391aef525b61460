// The ProxyCommand: it waits for a sandbox that starts, and says plainly when there is nothing to wait for.
import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { SandboxError } from '../../server/core/errors.ts';
import { identifySelf } from '../../server/platform/process.ts';
import { listen } from '../../server/platform/sockets.ts';
import { SandboxId } from '../../server/protocol/sandbox.ts';
import { installLauncher } from '../../server/ssh/launcher.ts';
import { type ProxyStreams, runProxy } from '../../server/ssh/proxy.ts';
import { withLock } from '../../server/store/lock.ts';
import { type Paths, pathsOf, sandboxPaths } from '../../server/store/paths.ts';
import { OwnerRecord, SandboxRecord } from '../../server/store/records.ts';
import { eventually } from '../support/eventually.ts';
import { run } from './support/run.ts';

describe('the ssh proxy', () => {
  let top: string;
  let paths: Paths;
  const servers: Server[] = [];
  const id = SandboxId.parse('sb-0a1b2c3d');
  beforeEach(async () => {
    top = await mkdtemp(join(tmpdir(), 'hv-'));
    paths = pathsOf({ HEYO_HOME: join(top, 'h') });
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) server.close();
    await rm(top, { recursive: true, force: true });
  });

  const record = async (intent: 'running' | 'stopped') => {
    const content = SandboxRecord.parse({
      ...{ version: 1, id, name: 'box', created_at: '2030-01-01T00:00:00.000Z', backend_type: 'fake' },
      ...{ backend_reason: 'test', type: 'general', runtime: 'shell', workspace: { path: top, git: 'none' } },
      ...{ mounts: [], env: {}, policy: { network: { mode: 'none' } }, limits: {}, attached: false, intent },
    });
    await mkdir(sandboxPaths(paths, id).folder, { recursive: true, mode: 0o700 });
    await writeFile(sandboxPaths(paths, id).record, JSON.stringify(content));
  };
  const owner = async (state: 'starting' | 'running' | 'stopping') => {
    const files = sandboxPaths(paths, id);
    const content = OwnerRecord.parse({
      ...{ ...identifySelf(), guest_ip: null, ssh_port: null, started_at: '2030-01-01T00:00:00.000Z', state },
      ...{ attached: false, protocol: { major: 1, minor: 0 }, build: 'x' },
      ...{ control_socket: files.controlSocket, ssh_socket: files.sshSocket },
    });
    await writeFile(files.owner, JSON.stringify(content));
  };
  const serve = async (answer: (socket: Socket) => void) => {
    await mkdir(sandboxPaths(paths, id).runtime, { recursive: true, mode: 0o700 });
    servers.push(await listen(sandboxPaths(paths, id).sshSocket, answer));
  };
  const start = (target: string = id, more: Pick<ProxyStreams, 'start' | 'settle'> = {}) => {
    const stdin = new PassThrough();
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const stop = new AbortController();
    let told = '';
    stderr.on('data', chunk => (told += chunk));
    const done = runProxy(paths, target, { stdin, stdout, stderr, signal: stop.signal, ...more }).finally(
      () => stdout.end(),
    );
    done.catch(() => {});
    return { stdin, said: text(stdout), told: () => told, done, stop };
  };

  it('joins both directions and passes the end of input on', async () => {
    await record('running');
    await serve(socket => {
      let all = '';
      socket.on('data', data => (all += data)).on('end', () => socket.end(`heard ${all}`));
    });
    const proxy = start();
    proxy.stdin.end('hello');
    assert.equal(await proxy.said, 'heard hello');
    await proxy.done;
    assert.equal(proxy.told(), '');
  });

  it('finds a sandbox by its name too', async () => {
    await record('running');
    await owner('running');
    await serve(socket => socket.end('hi'));
    assert.equal(await start('box').said, 'hi');
  });

  it('waits while the sandbox is starting, with one line', async () => {
    await record('running');
    await owner('starting');
    const proxy = start();
    await eventually(() => proxy.told() !== '', { what: 'the line' });
    await serve(socket => socket.end('up'));
    await owner('running');
    assert.equal(await proxy.said, 'up');
    assert.equal(proxy.told(), 'heyvm: box is starting, waiting for it\n');
  });

  it('waits while somebody is about to start it', async () => {
    await record('running');
    let proxy: ReturnType<typeof start> | undefined;
    await withLock(paths, `sandbox-${id}`, { wait: 'wait' }, async () => {
      proxy = start();
      await eventually(() => proxy?.told() !== '', { what: 'the line' });
      await serve(socket => socket.end('up'));
    });
    assert.equal(await proxy?.said, 'up');
  });

  it('stops waiting when it is told to', async () => {
    await record('running');
    await owner('starting');
    const proxy = start();
    await eventually(() => proxy.told() !== '', { what: 'the line' });
    proxy.stop.abort();
    await assert.rejects(proxy.done, { name: 'AbortError' });
  });

  it('starts nothing that a person has stopped, and says how to', async () => {
    await record('stopped');
    await assert.rejects(start().done, { code: 'not-running', hint: 'start it with: heyvm start box' });
  });

  it('waits for the end of one that is stopping, and then starts nothing that was stopped on purpose', async () => {
    await record('stopped');
    await owner('stopping');
    const proxy = start(id, { start: () => assert.fail('it was stopped on purpose') });
    await eventually(() => proxy.told() === 'heyvm: box is stopping, waiting for it\n', { what: 'the line' });
    await rm(sandboxPaths(paths, id).owner);
    await assert.rejects(proxy.done, { code: 'not-running', message: 'box is not running (stopped)' });
  });

  it('says each thing that it waits for once', async () => {
    await record('running');
    await owner('stopping');
    const proxy = start();
    await eventually(() => proxy.told() !== '', { what: 'the first line' });
    await owner('starting');
    await eventually(() => proxy.told().includes('starting'), { what: 'the second line' });
    await serve(socket => socket.end('up'));
    assert.equal(await proxy.said, 'up');
    const lines = ['is stopping, waiting for it', 'is starting, waiting for it'];
    assert.equal(proxy.told(), lines.map(line => `heyvm: box ${line}\n`).join(''));
  });

  it('starts one that crashed, and connects to it', async () => {
    await record('running');
    const started: string[] = [];
    const proxy = start('box', {
      start: async sandbox => {
        started.push(sandbox);
        await owner('running');
        await serve(socket => socket.end('up again'));
      },
    });
    assert.equal(await proxy.said, 'up again');
    assert.deepEqual(started, [id]);
    assert.match(proxy.told(), /^heyvm: box does not run \(.+\) and is started\n$/);
  });

  it('passes on why it cannot be started', async () => {
    await record('running');
    const broken = new SandboxError('backend-missing', 'bwrap is gone');
    await assert.rejects(start(id, { start: () => Promise.reject(broken) }).done, broken);
  });

  it('ends when the sandbox is removed while it waits', async () => {
    await record('running');
    await owner('starting');
    const proxy = start();
    await eventually(() => proxy.told() !== '', { what: 'the line' });
    await rm(sandboxPaths(paths, id).folder, { recursive: true });
    await assert.rejects(proxy.done, { code: 'sandbox-not-found', message: 'box was removed' });
  });

  it('says that the sandbox was removed while it was connected', async () => {
    await record('running');
    const connected = Promise.withResolvers<Socket>();
    await serve(connected.resolve);
    const proxy = start();
    const socket = await connected.promise;
    await rm(sandboxPaths(paths, id).folder, { recursive: true });
    socket.end();
    await proxy.done;
    assert.equal(proxy.told(), `heyvm: ${id} was removed\n`);
  });

  it('says that an owner stands still, and goes on when it does', async () => {
    await record('running');
    const connected = Promise.withResolvers<Socket>();
    await serve(connected.resolve);
    const proxy = start();
    await eventually(() => proxy.told().includes('does not answer yet'), { what: 'the line' });
    (await connected.promise).end('awake');
    assert.equal(await proxy.said, 'awake');
  });

  it('does not go on waiting for a client that is gone', async () => {
    await record('running');
    await owner('starting');
    const proxy = start();
    await eventually(() => proxy.told() !== '', { what: 'the line' });
    proxy.stdin.end('SSH-2.0-client');
    await assert.rejects(proxy.done, { name: 'AbortError' });
  });

  it('does not wait for one that crashed and left its socket behind', async () => {
    await record('running');
    await serve(() => {});
    const files = sandboxPaths(paths, id);
    const socket = await stat(files.sshSocket);
    assert.ok(socket.isSocket());
    servers.splice(0).forEach(server => {
      server.close();
    });
    await assert.rejects(start().done, { code: 'not-running' });
  });

  it('says that a sandbox does not exist', async () => {
    await assert.rejects(start('sb-ffffffff').done, { code: 'sandbox-not-found' });
    await assert.rejects(start('nobody').done, { code: 'sandbox-not-found' });
  });
});

describe('the launcher', () => {
  let top: string;
  beforeEach(async () => {
    top = await mkdtemp(join(tmpdir(), 'hv-'));
  });
  afterEach(() => rm(top, { recursive: true, force: true }));

  const install = async (node: string, program?: string) => {
    const paths = pathsOf({ HEYO_HOME: join(top, "it's 100% mine") });
    const script = join(top, 'program.cjs');
    await writeFile(script, 'console.log(process.env.HEYO_HOME, ...process.argv.slice(2))');
    return { paths, path: await installLauncher(paths, { node, kind: 'node', program: program ?? script }) };
  };

  it('runs heyvm on its own store, whatever the environment says', async () => {
    const { paths, path } = await install(process.execPath);
    const { stdout } = await run([path, 'ssh-proxy', 'a b'], { env: { HEYO_HOME: '/elsewhere' } });
    assert.equal(stdout.toString(), `${paths.home} ssh-proxy a b\n`);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  });

  it('finds another Node when its own is gone', async () => {
    const { paths, path } = await install(join(top, 'gone'));
    const { stdout } = await run([path, 'x'], { env: { HEYVM_NODE: process.execPath } });
    assert.equal(stdout.toString(), `${paths.home} x\n`);
  });

  it('says what to do when there is no Node at all, or no heyvm', async () => {
    const empty = { PATH: '/nowhere', HOME: top };
    const without = await run(['/bin/sh', (await install(join(top, 'gone'))).path], { env: empty });
    // A Node in one of the usual places may be found all the same.
    if (without.code !== 0) assert.match(without.stderr, /Node 22 or newer was not found/);
    const gone = await run([(await install(process.execPath, join(top, 'absent.cjs'))).path]);
    assert.equal(gone.code, 127);
    assert.match(gone.stderr, /absent\.cjs is gone/);
  });

  it('is written once', async () => {
    const { path } = await install(process.execPath);
    const { mtimeMs } = await stat(path);
    const content = await readFile(path, 'utf8');
    await install(process.execPath);
    assert.deepEqual([(await stat(path)).mtimeMs, await readFile(path, 'utf8')], [mtimeMs, content]);
  });
});

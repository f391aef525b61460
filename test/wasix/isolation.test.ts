// Attacks from inside a guest of modules: on files and links of the host, its environment, its network, its git.
import { strict as assert } from 'node:assert';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { wasix } from '../../server/backends/wasix/index.ts';
import type { Guest } from '../../server/core/guest.ts';
import { openFiles } from '../../server/sftp/client.ts';
import { type Bench, makeBench, runIn, succeeded } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBox } from './support/box.ts';

const SECRET = `secret-of-the-host-${process.pid}`;

describe('isolation of modules', function () {
  this.timeout(120_000);
  let bench: Bench;
  let guest: Guest;
  const box = (...words: string[]) => runIn(guest, ['box', ...words]);
  const at = (...parts: string[]): string => join(bench.workspace, ...parts);

  before(async function () {
    await skipWithoutBox(this);
    process.env['HEYVM_TEST_SECRET'] = SECRET;
    bench = await makeBench(wasix);
    writeFileSync(join(bench.folder, 'beside'), SECRET);
    mkdirSync(at('deep'));
    mkdirSync(at('.git/hooks'), { recursive: true });
    writeFileSync(at('.git/config'), '[core]\n');
    symlinkSync(join(bench.folder, 'beside'), at('out'));
    symlinkSync('../beside', at('up'));
    symlinkSync('../../beside', at('deep', 'up'));
    symlinkSync('/', at('root'));
    const git = { source: at('.git'), target: '/workspace/.git', mode: 'ro' as const };
    ({ guest } = await bench.start({ mounts: [...bench.request().mounts, git] }));
  });

  after(async () => {
    delete process.env['HEYVM_TEST_SECRET'];
    await bench?.dispose();
  });

  it('is tried with secrets that are there', async () => {
    for (const path of ['out', 'up', 'deep/up']) assert.equal(readFileSync(at(path), 'utf8'), SECRET);
    writeFileSync(at('mine'), 'mine');
    assert.equal((await box('cat', '/workspace/mine')).stdout, 'mine');
  });

  const paths = (): readonly string[] => [
    join(bench.folder, 'beside'),
    '/workspace/../beside',
    '/workspace/../../../../../../../../etc/passwd',
    '/workspace/out',
    '/workspace/up',
    '/workspace/deep/up',
    `/workspace/root${join(bench.folder, 'beside')}`,
    '/etc/passwd',
    '/proc/self/environ',
    '/proc/self/root/etc/passwd',
    '/dev/../etc/passwd',
  ];

  it('shows no file of the host, by whatever path', async () => {
    for (const path of paths()) {
      const { status, stdout } = await box('cat', path);
      assert.notDeepEqual(status, succeeded, path);
      assert.equal(stdout, '', path);
    }
  });

  it('lets nothing be written out of the workspace, by whatever link', async () => {
    for (const path of ['/workspace/out', '/workspace/up', '/workspace/root/tmp/planted', '/etc/planted'])
      await box('write', path, 'stolen');
    assert.equal(readFileSync(join(bench.folder, 'beside'), 'utf8'), SECRET);
    assert.equal(existsSync('/tmp/planted') || existsSync('/etc/planted'), false);
  });

  it('follows no link that a program makes', async () => {
    await box('ln', join(bench.folder, 'beside'), '/workspace/made');
    const { stdout } = await box('cat', '/workspace/made');
    assert.ok(!stdout.includes(SECRET));
    // The runtime keeps links to itself; were there one on the host, it would lead the person's own tools astray.
    assert.equal(lstatSync(at('made'), { throwIfNoEntry: false })?.isSymbolicLink() ?? false, false);
  });

  it('lets nobody change what the workspace’s git runs', async () => {
    const before = readFileSync(at('.git/config'), 'utf8');
    await box('write', '/workspace/.git/config', '[core]\nfsmonitor = evil\n');
    await box('append', '/workspace/.git/config', 'evil');
    await box('write', '/workspace/.git/hooks/post-checkout', 'evil');
    await box('mv', '/workspace/.git', '/workspace/moved');
    await box('mv', '/workspace/deep', '/workspace/.git/hooks/deep');
    await box('rm', '/workspace/.git/config');
    const files = await openFiles(await guest.sftp());
    await assert.rejects(files.rename('/workspace/.git/config', '/workspace/config'));
    await assert.rejects(files.makeFolder('/workspace/.git/refs', undefined));
    files.close();
    assert.equal(readFileSync(at('.git/config'), 'utf8'), before);
    assert.deepEqual(readdirSync(at('.git/hooks')), []);
    assert.equal((await box('cat', '/workspace/.git/config')).stdout, before);
  });

  it('has none of the environment of whoever started it', async () => {
    assert.equal(process.env['HEYVM_TEST_SECRET'], SECRET);
    const { stdout } = await box('env');
    assert.match(stdout, /^WORKSPACE=\/workspace$/m);
    assert.ok(!stdout.includes(SECRET));
    assert.doesNotMatch(stdout, /HEYO|NODE|PATH=.*\/root/);
  });

  it('shares nothing with another sandbox', async () => {
    const other = await makeBench(wasix);
    try {
      const { guest: second } = await other.start();
      for (const path of ['/tmp/shared', '/home/dev/shared', '/workspace/shared'])
        assert.deepEqual((await box('write', path, 'x')).status, succeeded);
      for (const path of ['/tmp/shared', '/home/dev/shared', '/workspace/shared'])
        assert.notDeepEqual((await runIn(second, ['box', 'cat', path])).status, succeeded);
    } finally {
      await other.dispose();
    }
  });

  describe('and the network', () => {
    let web: Server;
    let port: number;

    before(async () => {
      web = createServer((_, response) => response.end(SECRET));
      await new Promise<void>(resolve => web.listen(0, '127.0.0.1', resolve));
      port = (web.address() as AddressInfo).port;
    });

    after(() => web.close());

    const request = 'GET / HTTP/1.0\r\n\r\n';

    it('none reaches nothing', async () => {
      const { status, stdout } = await box('connect', String(port), request);
      assert.notDeepEqual(status, succeeded);
      assert.equal(stdout, '');
    });

    it('open reaches this machine, and this machine reaches its ports alone', async () => {
      const open = await makeBench(wasix);
      try {
        const { guest: reached } = await open.start({ network: 'open' });
        const answer = await runIn(reached, ['box', 'connect', String(port), request]);
        assert.ok(answer.stdout.includes(SECRET), answer.stderr);
        const host = '127.0.0.1';
        await assert.rejects(reached.dial({ kind: 'tcp', host, port }), { code: 'not-running' });
        assert.deepEqual(await reached.listeningPorts(), []);
        const own = 20_000 + (process.pid % 20_000);
        const server = await reached.exec({ argv: ['box', 'serve', String(own)] });
        await eventually(async () => (await reached.listeningPorts()).some(found => found.port === own));
        const stream = await reached.dial({ kind: 'tcp', host, port: own });
        stream.write('hello');
        const [heard] = await new Promise<Buffer[]>(resolve =>
          stream.once('data', (...words) => resolve(words)),
        );
        assert.equal(String(heard), 'heard hello');
        stream.destroy();
        await server.signal('KILL');
        assert.deepEqual(await server.exited, { kind: 'signalled', signal: 'KILL' });
      } finally {
        await open.dispose();
      }
    });
  });

  it('bounds the memory of each program when that is asked for', async () => {
    const bound = await makeBench(wasix);
    try {
      const { guest: small } = await bound.start({ limits: { memory: 64 * 1024 * 1024 } });
      assert.deepEqual((await runIn(small, ['box', 'hog', '16'])).status, succeeded);
      assert.notDeepEqual((await runIn(small, ['box', 'hog', '256'])).status, succeeded);
    } finally {
      await bound.dispose();
    }
    assert.deepEqual((await box('hog', '256')).status, succeeded);
  });

  it('tells of a program that breaks, and goes on with the others', async () => {
    assert.deepEqual((await box('abort')).status, { kind: 'signalled', signal: 'ABRT' });
    assert.equal((await box('echo', 'still here')).stdout, 'still here\n');
  });

  it('leaves nothing of the attacks in the workspace', () => {
    for (const name of ['made', 'shared', 'mine']) rmSync(at(name), { force: true });
    assert.deepEqual(readdirSync(bench.workspace).sort(), ['.git', 'deep', 'out', 'root', 'up']);
  });
});

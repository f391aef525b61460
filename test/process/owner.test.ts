// The life of a sandbox with its owner: real owners, real guests, and what is on disk meanwhile.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expectOwner } from '../../server/owner/candidate.ts';
import { connectOwner } from '../../server/owner/connect.ts';
import { bundle } from '../../server/platform/bundle.ts';
import { identify } from '../../server/platform/process.ts';
import { watchStore } from '../../server/service/watch.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { findEntry } from '../../server/store/sandboxes.ts';
import { eventually } from '../support/eventually.ts';
import { type Engine, kill, needEngine, newEngine, processesOf } from './support/engine.ts';

describe('an owner', function () {
  this.timeout(120_000);
  let engine: Engine;

  before(needEngine);
  beforeEach(() => {
    engine = newEngine({ env: { MY_SECRET_TOKEN: 'hunter2' } });
  });
  afterEach(() => engine.dispose());

  const settled = (name: string, status: string) =>
    eventually(async () => (await engine.get(name)).status === status, { what: `${name} ${status}` });
  const ownerPid = async (name: string): Promise<number> =>
    (await engine.get(name)).owner?.pid ?? assert.fail('no owner');

  it('runs a guest that answers as soon as the sandbox is there', async () => {
    const sandbox = await engine.create({ name: 'one' });
    assert.equal(sandbox.status, 'running');
    assert.equal(sandbox.ssh.alias, 'heyvm-one');
    const { end, out } = await engine.exec('one', 'sh', '-c', 'pwd; exit 3');
    assert.deepEqual(end, { kind: 'exited', code: 3 });
    assert.equal(out, '/workspace\n');
    const { sandboxes, problems } = await engine.call('sandbox/list', {});
    assert.deepEqual(problems, []);
    assert.deepEqual(sandboxes, [await engine.get(sandbox.id)]);
  });

  it('leaves doors and files that only their user can open', async () => {
    const { id } = await engine.create();
    const files = sandboxPaths(engine.paths, id);
    const modes = [files.controlSocket, files.sshSocket, files.owner, files.record, files.log].map(
      path => statSync(path).mode & 0o777,
    );
    assert.deepEqual(modes, new Array(5).fill(0o600));
    const folders = [engine.home, engine.paths.run, files.runtime, files.folder];
    assert.deepEqual(
      folders.map(path => statSync(path).mode & 0o777),
      new Array(4).fill(0o700),
    );
  });

  it('knows nothing of the environment it was started from, and stands on its own', async () => {
    const pid = (await engine.create()).owner?.pid ?? assert.fail('no owner');
    assert.ok(!readFileSync(`/proc/${pid}/environ`, 'latin1').includes('hunter2'));
    assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/');
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    assert.equal(Number(fields[2]), pid, 'leads its process group');
    assert.equal(Number(fields[3]), pid, 'leads its session');
  });

  it('needs no more than 20 MB for itself when idle, once it has given back what its start took', async () => {
    const pid = (await engine.create()).owner?.pid;
    const privately = (): number => {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
      const kilobytes = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].map(match =>
        Number(match[1]),
      );
      return kilobytes.reduce((sum, each) => sum + each, 0);
    };
    assert.ok(privately() > 0);
    await eventually(() => assert.ok(privately() < 20_000, `${privately()} kB`) ?? true);
  });

  it('stops in order, keeps the files, and starts again', async () => {
    const { id } = await engine.create({ name: 'one' });
    await engine.exec('one', 'sh', '-c', 'echo kept > /workspace/file; echo kept > ~/file');
    const { sandbox } = await engine.call('sandbox/stop', { sandbox: 'one' });
    assert.equal(sandbox.status, 'stopped');
    assert.equal(sandbox.owner, undefined);
    const files = sandboxPaths(engine.paths, id);
    assert.deepEqual([files.owner, files.runtime].map(existsSync), [false, false]);
    assert.equal((await engine.call('sandbox/stop', { sandbox: 'one' })).sandbox.status, 'stopped');
    assert.equal((await engine.call('sandbox/start', { sandbox: 'one' })).sandbox.status, 'running');
    assert.equal((await engine.exec('one', 'sh', '-c', 'cat /workspace/file ~/file')).out, 'kept\nkept\n');
  });

  it('is another process after a restart', async () => {
    const before = (await engine.create({ name: 'one' })).owner?.pid;
    const { sandbox } = await engine.call('sandbox/restart', { sandbox: 'one' });
    assert.equal(sandbox.status, 'running');
    assert.notEqual(sandbox.owner?.pid, before);
  });

  it('goes on when it could not be started again after a restart', async () => {
    const { id } = await engine.create({ name: 'one' });
    const { record } = sandboxPaths(engine.paths, id);
    const asked = JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown>;
    writeFileSync(record, JSON.stringify({ ...asked, policy: { network: { mode: 'allowlist' } } }));
    await assert.rejects(engine.call('sandbox/restart', { sandbox: 'one' }), {
      code: 'policy-unenforceable',
    });
    assert.equal((await engine.exec('one', 'echo', 'here')).out, 'here\n');
  });

  it('is not taken away by a removal without force', async () => {
    await engine.create({ name: 'one' });
    await assert.rejects(engine.call('sandbox/remove', { sandbox: 'one' }), {
      code: 'busy',
      hint: /--force/,
    });
    assert.equal((await engine.get('one')).status, 'running');
    await engine.call('sandbox/remove', { sandbox: 'one', force: true });
    await assert.rejects(engine.get('one'), { code: 'sandbox-not-found' });
    assert.deepEqual(readdirSync(engine.paths.sandboxes), []);
    assert.deepEqual(readdirSync(engine.paths.trash), []);
    assert.deepEqual(readdirSync(engine.paths.run), []);
    assert.deepEqual(
      readdirSync(engine.paths.locks).filter(name => name.includes('sb-')),
      [],
    );
  });

  it('never removes the folder that a sandbox shows', async () => {
    const workspace = join(engine.home, '..', 'mine');
    mkdirSync(workspace);
    writeFileSync(join(workspace, 'work'), 'mine');
    await engine.create({ name: 'one', workspace });
    await engine.exec('one', 'sh', '-c', 'echo more >> /workspace/work');
    await engine.call('sandbox/remove', { sandbox: 'one', force: true });
    assert.equal(readFileSync(join(workspace, 'work'), 'utf8'), 'minemore\n');
  });

  it('is one, however many start it at once', async () => {
    await engine.create({ name: 'one' });
    await engine.call('sandbox/stop', { sandbox: 'one' });
    const starts = Array.from({ length: 6 }, () => engine.call('sandbox/start', { sandbox: 'one' }));
    const pids = new Set((await Promise.all(starts)).map(({ sandbox }) => sandbox.owner?.pid));
    assert.equal(pids.size, 1);
  });

  it('gives way to the one that has the lease', async () => {
    const { id, owner } = await engine.create();
    const second = expectOwner({ paths: engine.paths, env: process.env, bundle }).take() ?? assert.fail();
    const ended = once(second.child, 'exit');
    second.pipe.write(`${JSON.stringify({ id, mode: 'start', environment: {} })}\n`);
    assert.match(await text(second.pipe), /"busy"/);
    assert.deepEqual(await ended, [1, null]);
    assert.equal((await engine.get(id)).owner?.pid, owner?.pid);
  });

  it('says that its guest died, and why', async () => {
    await engine.create({ name: 'one' });
    const pid = await ownerPid('one');
    const guests = processesOf(engine.paths).filter(found => found.pid !== pid);
    assert.ok(guests.length > 0);
    for (const guest of guests) kill(guest.pid);
    await settled('one', 'failed');
    assert.ok((await engine.get('one')).status_reason);
    assert.equal((await engine.call('sandbox/start', { sandbox: 'one' })).sandbox.status, 'running');
  });

  it('takes its guest with it when it is killed, and the next look tidies up', async () => {
    const { id } = await engine.create({ name: 'one' });
    const owner = await ownerPid('one');
    kill(owner);
    // A process that is being taken apart has lost what it is known by a little before it is gone.
    const gone = () => identify(owner) === undefined && processesOf(engine.paths).length === 0;
    await eventually(gone, { what: 'the end of the owner and of the guest' });
    const { sandboxes } = await engine.call('sandbox/list', {});
    assert.equal(sandboxes[0]?.status, 'failed');
    assert.match(sandboxes[0]?.status_reason ?? '', /unexpectedly/);
    const files = sandboxPaths(engine.paths, id);
    assert.deepEqual([files.owner, files.runtime].map(existsSync), [false, false]);
    assert.equal((await engine.call('sandbox/start', { sandbox: 'one' })).sandbox.status, 'running');
  });

  it('ends in order when it is asked to by a signal', async () => {
    await engine.create({ name: 'one' });
    kill(await ownerPid('one'), 'SIGTERM');
    await settled('one', 'stopped');
    assert.match((await engine.get('one')).status_reason ?? '', /SIGTERM/);
  });

  it('that is stuck is told from one that works, and can be ended', async () => {
    await engine.create({ name: 'one' });
    kill(await ownerPid('one'), 'SIGSTOP');
    await assert.rejects(engine.exec('one', 'true'), { code: 'owner-unreachable', hint: /heyvm stop/ });
    const { sandbox } = await engine.call('sandbox/stop', { sandbox: 'one', grace_ms: 0 });
    assert.equal(sandbox.status, 'stopped');
    assert.deepEqual(processesOf(engine.paths), []);
  });

  for (const [side, major] of [
    ['older', 0],
    ['newer', 99],
  ] as const) {
    it(`of ${side} version can be listed, logged and stopped, and refuses the rest with a hint`, async () => {
      const { id } = await engine.create({ name: 'one' });
      const file = sandboxPaths(engine.paths, id).owner;
      const owner = JSON.parse(readFileSync(file, 'utf8'));
      writeFileSync(file, JSON.stringify({ ...owner, protocol: { major, minor: 0 } }));
      await assert.rejects(engine.exec('one', 'true'), { code: 'version-mismatch', hint: /restart/ });
      assert.equal((await engine.get('one')).status, 'running');
      assert.match((await engine.call('sandbox/log', { sandbox: 'one' })).text, /running/);
      assert.equal((await engine.call('sandbox/stop', { sandbox: 'one' })).sandbox.status, 'stopped');
    });
  }

  it('pushes its changes, and even its own sudden death, to who watches the store', async () => {
    await engine.create({ name: 'one' });
    const seen: string[] = [];
    const watcher = watchStore(engine.paths, () => {
      void engine.get('one').then(({ status }) => seen.push(status));
    });
    try {
      const owner = connectOwner(await findEntry(engine.paths, 'one'));
      assert.equal(
        (await owner.call('owner/hello', { major: 1, minor: 0, client: 'test' })).state,
        'running',
      );
      owner.close();
      await eventually(
        async () => {
          const open = readFileSync('/proc/net/unix', 'latin1').split(`${engine.paths.run}/`).length - 1;
          return open > 2;
        },
        { what: 'the watcher following the owner' },
      );
      kill(await ownerPid('one'));
      await eventually(() => seen.includes('failed'), { what: 'the push' });
    } finally {
      watcher.dispose();
    }
  });

  it('tells the ports that programs listen on inside', async function () {
    if (!existsSync('/usr/bin/python3')) {
      console.log('not run: there is no python3 to listen with');
      this.skip();
    }
    await engine.create({ name: 'one', runtime: 'python' });
    const { guest } = connectOwner(await findEntry(engine.paths, 'one'));
    const server = await guest.exec({ argv: ['python3', '-m', 'http.server', '8123'] });
    await eventually(async () => {
      const { ports } = await engine.call('sandbox/ports', { sandbox: 'one' });
      return ports.some(({ port }) => port === 8123);
    });
    server.hangUp();
  });

  it('writes what happens to a log, of which the last lines are read', async () => {
    await engine.create({ name: 'one' });
    const { path, text } = await engine.call('sandbox/log', { sandbox: 'one', lines: 1 });
    assert.equal(text.trimEnd().split('\n').length, 1);
    assert.ok(readFileSync(path, 'utf8').endsWith(text));
    assert.equal((await engine.call('sandbox/log', { sandbox: 'one', lines: 0 })).text, '');
  });
});

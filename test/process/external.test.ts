// Guests that outlive their owner: taken over by a new one, never twice, and told truthfully when they are gone.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from '../../server/platform/process.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { eventually } from '../support/eventually.ts';
import { withFakeBuild } from '../support/fakeBuild.ts';
import { type Engine, kill, needEngine, newEngine, processesOf } from './support/engine.ts';

describe('a guest that outlives its owner', function () {
  this.timeout(120_000);
  let engine: Engine;
  before(needEngine);
  const build = withFakeBuild();
  beforeEach(() => {
    engine = newEngine({ bundle: build() });
  });
  afterEach(() => {
    for (const mood of ['away', 'silent'] as const) rmSync(moodFile(mood), { force: true });
    return engine.dispose();
  });

  const create = (name = 'one', more: object = {}) => engine.create({ name, backend: 'fakeext', ...more });
  const ownerOf = async (name: string): Promise<number> =>
    (await engine.get(name)).owner?.pid ?? assert.fail('no owner');
  const hosts = (): number[] =>
    processesOf(engine.paths)
      .filter(({ command }) => command.includes('fakeHost.ts'))
      .map(({ pid }) => pid);
  const killOwner = async (name: string): Promise<void> => {
    const pid = await ownerOf(name);
    kill(pid);
    await eventually(() => identify(pid) === undefined, { what: 'the end of the owner' });
  };
  const settled = async (name: string) =>
    (await engine.call('sandbox/get', { sandbox: name, settled: true })).sandbox;
  const stateOf = (id: string) => sandboxPaths(engine.paths, id).state;
  const moodFile = (mood: 'away' | 'silent'): string => join(engine.paths.cache, 'fakeext', mood);
  const away = (): string => moodFile('away');
  const putEngine = (mood: 'away' | 'silent'): void => {
    mkdirSync(join(moodFile(mood), '..'), { recursive: true });
    writeFileSync(moodFile(mood), '');
  };

  it('is taken over by the next look, which does not wait, and goes on with what it has', async () => {
    const before = await create();
    await engine.exec('one', 'sh', '-c', 'echo kept > /dev/shm/mark');
    const [host] = hosts();
    await killOwner('one');
    const looked = await engine.get('one');
    assert.match(looked.status, /^(starting|running)$/);
    const after = await settled('one');
    assert.equal(after.status, 'running');
    assert.equal(after.started_at, before.started_at);
    assert.notEqual(after.owner?.pid, before.owner?.pid);
    assert.deepEqual(hosts(), [host]);
    assert.equal((await engine.exec('one', 'cat', '/dev/shm/mark')).out, 'kept\n');
    assert.equal(after.workspace.mode, 'shared');
  });

  it('gets one owner, however many look at once, and however often its owners are killed', async () => {
    await create();
    for (let round = 0; round < 3; round += 1) {
      await killOwner('one');
      await Promise.all(Array.from({ length: 6 }, () => engine.call('sandbox/list', {})));
      const [first, second] = await Promise.all([settled('one'), settled('one')]);
      assert.equal(first.status, 'running');
      assert.equal(second.owner?.pid, first.owner?.pid);
      await eventually(() => owners().length === 1 || assert.fail(JSON.stringify(owners())), {
        what: 'one owner alone',
      });
    }
    assert.equal(hosts().length, 1);
  });
  const owners = () => processesOf(engine.paths).filter(({ command }) => command.includes('__sandbox_owner'));

  it('keeps its deadline from the real start', async () => {
    await create('one', { ttl_seconds: 8 });
    await killOwner('one');
    const { expires_at, started_at } = await settled('one');
    assert.equal(Date.parse(expires_at ?? '') - Date.parse(started_at ?? ''), 8000);
    const ended = await eventually(async () => {
      const found = await engine.get('one');
      return found.status === 'stopped' ? found : undefined;
    });
    assert.equal(ended.status_reason, 'its time to live was over');
    const end = Date.parse(
      JSON.parse(readFileSync(sandboxPaths(engine.paths, ended.id).record, 'utf8')).last_end.at,
    );
    assert.ok(end >= Date.parse(expires_at ?? ''), 'not before its time');
    assert.deepEqual(hosts(), []);
  });

  it('that ended while nobody watched is told so, and not started again', async () => {
    await create();
    await killOwner('one');
    for (const pid of hosts()) kill(pid);
    const found = await settled('one');
    assert.equal(found.status, 'failed');
    assert.match(found.status_reason ?? '', /ended while nobody watched/);
    assert.deepEqual(hosts(), []);
    assert.equal((await engine.call('sandbox/start', { sandbox: 'one' })).sandbox.status, 'running');
  });

  it('that ended with a restart of the machine is told from one that crashed', async () => {
    const { id } = await create();
    await killOwner('one');
    for (const pid of hosts()) kill(pid);
    const file = sandboxPaths(engine.paths, id).owner;
    const owner = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...owner, boot_id: 'another-boot' }));
    const found = await settled('one');
    assert.equal(found.status, 'stopped');
    assert.equal(found.status_reason, 'this machine was restarted');
  });

  it('is started by nobody twice: a start finds the one that runs', async () => {
    await create();
    const [host] = hosts();
    await killOwner('one');
    assert.equal((await engine.call('sandbox/start', { sandbox: 'one' })).sandbox.status, 'running');
    assert.deepEqual(hosts(), [host]);
  });

  it('is stopped and removed although it has no owner', async () => {
    await create();
    await killOwner('one');
    const { sandbox } = await engine.call('sandbox/stop', { sandbox: 'one' });
    assert.equal(sandbox.status, 'stopped');
    assert.deepEqual(hosts(), []);
    await create('two');
    await killOwner('two');
    await assert.rejects(engine.call('sandbox/remove', { sandbox: 'two' }), {
      code: 'busy',
      hint: /--force/,
    });
    await killOwner('two');
    await engine.call('sandbox/remove', { sandbox: 'two', force: true });
    assert.deepEqual(hosts(), []);
  });

  it('is ended by the next owner when the stop was interrupted', async () => {
    const { id } = await create();
    const { record } = sandboxPaths(engine.paths, id);
    await killOwner('one');
    const known = JSON.parse(readFileSync(record, 'utf8'));
    writeFileSync(record, JSON.stringify({ ...known, intent: 'stopped' }));
    await engine.call('sandbox/list', {});
    await eventually(() => hosts().length === 0, { what: 'the end of the guest' });
    await eventually(async () => (await engine.get('one')).status === 'stopped');
  });

  it('is left running by an owner that is killed, and ended by one that is asked to end', async () => {
    await create();
    kill(await ownerOf('one'), 'SIGTERM');
    await eventually(() => hosts().length === 0, { what: 'the end of the guest' });
    await eventually(async () => (await engine.get('one')).status === 'stopped');
  });

  it('that stands still is taken over so, and goes on when it is told to', async () => {
    await create();
    await engine.call('sandbox/pause', { sandbox: 'one' });
    await killOwner('one');
    assert.equal((await settled('one')).status, 'paused');
    await assert.rejects(engine.exec('one', 'true'), { code: 'not-running', hint: /heyvm resume one/ });
    assert.equal((await engine.call('sandbox/resume', { sandbox: 'one' })).sandbox.status, 'running');
    assert.equal((await engine.exec('one', 'echo', 'on')).out, 'on\n');
    await engine.call('sandbox/pause', { sandbox: 'one' });
    await killOwner('one');
    assert.equal((await engine.call('sandbox/stop', { sandbox: 'one' })).sandbox.status, 'stopped');
    assert.deepEqual(hosts(), []);
  });

  it('is attached to again when only the way to it broke', async () => {
    await create();
    const [host] = hosts();
    const owner = await ownerOf('one');
    await engine.exec('one', 'sh', '-c', 'echo kept > /dev/shm/mark');
    kill(host ?? 0, 'SIGUSR2');
    await eventually(async () => {
      const { text } = await engine.call('sandbox/log', { sandbox: 'one' });
      return text.includes('attached again');
    });
    assert.equal((await engine.exec('one', 'cat', '/dev/shm/mark')).out, 'kept\n');
    assert.equal(await ownerOf('one'), owner);
    assert.equal((await engine.get('one')).status_reason, undefined);
  });

  it('says why it cannot be reached while its engine is away, and is reached again afterwards', async () => {
    const { id } = await create();
    const [host] = hosts();
    putEngine('away');
    kill(host ?? 0, 'SIGUSR2');
    const troubled = await eventually(async () => {
      const found = await engine.get('one');
      return found.status_reason === undefined ? undefined : found;
    });
    assert.equal(troubled.status_reason, 'the fake engine is away');
    await killOwner('one');
    const unreached = await settled('one');
    assert.equal(unreached.status, 'failed');
    assert.match(unreached.status_reason ?? '', /cannot be reached: the fake engine is away/);
    await assert.rejects(engine.call('sandbox/start', { sandbox: 'one' }), { code: 'owner-unreachable' });
    await assert.rejects(engine.call('sandbox/remove', { sandbox: 'one' }), { code: 'owner-unreachable' });
    assert.deepEqual(hosts(), [host]);
    assert.ok((await engine.call('prune/run', {})).removed.every(({ path }) => !path.includes(id)));
    rmSync(away());
    assert.equal((await settled('one')).status, 'running');
    assert.deepEqual(hosts(), [host]);
    assert.ok(existsSync(stateOf(id)));
  });

  it('is neither stopped nor removed while its engine is away, and goes on when it is back', async () => {
    await create();
    const [host] = hosts();
    putEngine('away');
    for (const _withOwnerAndWithout of [1, 2]) {
      const refused = { code: /owner-unreachable|backend-missing/, message: /the fake engine is away/ };
      await assert.rejects(engine.call('sandbox/remove', { sandbox: 'one', force: true }), refused);
      await assert.rejects(engine.call('sandbox/stop', { sandbox: 'one' }), {
        code: 'owner-unreachable',
        message: /\(bring it back\)/,
      });
    }
    rmSync(away());
    assert.equal((await settled('one')).status, 'running');
    assert.deepEqual(hosts(), [host]);
  });

  it('is not waited for without end when nobody says whether it ended', async () => {
    await create();
    const [host] = hosts();
    putEngine('silent');
    await assert.rejects(engine.call('sandbox/stop', { sandbox: 'one', grace_ms: 0 }), {
      code: 'owner-unreachable',
    });
    assert.deepEqual(hosts(), [host]);
    rmSync(moodFile('silent'));
    assert.equal((await settled('one')).status, 'running');
  });

  it('is not said to be stopped while its engine is away, and is stopped when it is back', async () => {
    await create();
    const [host] = hosts();
    putEngine('away');
    await assert.rejects(engine.call('sandbox/stop', { sandbox: 'one' }), { code: 'owner-unreachable' });
    const unreached = await engine.get('one');
    assert.equal(unreached.status, 'failed');
    assert.match(unreached.status_reason ?? '', /cannot be reached: the fake engine is away/);
    assert.deepEqual(hosts(), [host]);
    rmSync(away());
    await engine.call('sandbox/stop', { sandbox: 'one' });
    assert.equal((await engine.get('one')).status, 'stopped');
    assert.deepEqual(hosts(), []);
  });
});

// Pausing, suspending, resizing, snapshots and restoring, with real owners and a guest that can all of that.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectOwner } from '../../server/owner/connect.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { findEntry } from '../../server/store/sandboxes.ts';
import { withFakeBuild } from '../support/fakeBuild.ts';
import { type Engine, kill, needEngine, newEngine, processesOf } from './support/engine.ts';

describe('a sandbox that can stand still and be kept', function () {
  this.timeout(120_000);
  let engine: Engine;
  let phases: string[];
  before(needEngine);
  const build = withFakeBuild();
  beforeEach(async () => {
    engine = newEngine({ bundle: build() });
    phases = [];
    await engine.create({ name: 'one', backend: 'fakeext' });
  });
  afterEach(() => engine.dispose());

  const ask = async (
    method: 'sandbox/pause' | 'sandbox/resume' | 'sandbox/suspend',
    sandbox = 'one',
  ): Promise<SandboxInfo> =>
    (await engine.call(method, { sandbox }, { progress: ({ phase }) => phases.push(phase) })).sandbox;
  const write = (word: string) => engine.exec('one', 'sh', '-c', `echo ${word} > /home/dev/file`);
  const read = async (sandbox = 'one') => (await engine.exec(sandbox, 'cat', '/home/dev/file')).out;
  const snapshot = (name?: string) =>
    engine.call('sandbox/snapshot', { sandbox: 'one', ...(name === undefined ? {} : { name }) });
  const kept = () =>
    readdirSync(join(engine.paths.cache, 'fakeext')).filter(name => name.startsWith('snapshot-'));
  const record = (id: string): Record<string, unknown> =>
    JSON.parse(readFileSync(sandboxPaths(engine.paths, id).record, 'utf8'));

  it('is paused and resumed, is shown so, and refuses programs meanwhile', async () => {
    const owner = (await engine.get('one')).owner?.pid;
    assert.equal((await ask('sandbox/pause')).status, 'paused');
    assert.equal((await ask('sandbox/pause')).status, 'paused');
    const { sandboxes } = await engine.call('sandbox/list', {});
    assert.deepEqual(
      sandboxes.map(({ status }) => status),
      ['paused'],
    );
    await assert.rejects(engine.exec('one', 'true'), { code: 'not-running', hint: 'heyvm resume one' });
    await assert.rejects(engine.call('sandbox/start', { sandbox: 'one' }), { code: 'busy', hint: /resume/ });
    assert.equal((await ask('sandbox/resume')).status, 'running');
    assert.equal((await ask('sandbox/resume')).owner?.pid, owner);
    assert.equal((await engine.exec('one', 'echo', 'on')).out, 'on\n');
    assert.deepEqual(phases, ['pausing', 'resuming']);
  });

  it('is stopped in order while it stands still', async () => {
    await ask('sandbox/pause');
    assert.equal((await engine.call('sandbox/stop', { sandbox: 'one' })).sandbox.status, 'stopped');
    await assert.rejects(ask('sandbox/pause'), { code: 'not-running', hint: 'heyvm start one' });
    await assert.rejects(ask('sandbox/resume'), { code: 'not-running' });
  });

  it('is written to disk, and goes on with a resume or a start', async () => {
    for (const method of ['sandbox/resume', 'sandbox/start'] as const) {
      await engine.exec('one', 'sh', '-c', 'echo thought > /dev/shm/thought');
      const asleep = await ask('sandbox/suspend');
      assert.equal(asleep.status, 'stopped');
      assert.equal(asleep.status_reason, 'suspended to disk');
      assert.deepEqual(processesOf(engine.paths), []);
      assert.equal((await ask('sandbox/suspend')).status, 'stopped');
      await assert.rejects(engine.call('sandbox/pause', { sandbox: 'one' }), { hint: 'heyvm resume one' });
      const awake = await engine.call(method, { sandbox: 'one' });
      assert.equal(awake.sandbox.status, 'running');
      assert.equal((await engine.exec('one', 'cat', '/dev/shm/thought')).out, 'thought\n');
      assert.equal(record(awake.sandbox.id)['suspended'], undefined);
    }
  });

  it('is written to disk also when whoever holds it ends with its programs', async () => {
    await engine.create({ name: 'held', backend: 'fakeext', attached: true });
    const owner = connectOwner(await findEntry(engine.paths, 'held'));
    const hold = await owner.hold();
    const program = await owner.guest.exec({ argv: ['sleep', '1000'] });
    for (const output of [program.stdout, program.stderr]) output.resume();
    const left = program.exited.then(hold.dispose, hold.dispose);
    const asleep = await ask('sandbox/suspend', 'held');
    await left;
    assert.equal(asleep.status_reason, 'suspended to disk');
    assert.equal((await ask('sandbox/resume', 'held')).status, 'running');
    owner.close();
  });

  it('is kept under names, and put back while it runs', async () => {
    await write('before');
    const first = await snapshot('first');
    assert.equal(first.snapshot.memory, false);
    assert.equal(first.why_no_memory, undefined);
    await write('after');
    assert.equal((await snapshot()).snapshot.name, 'snap-1');
    await assert.rejects(snapshot('first'), { code: 'name-taken' });
    const { sandbox } = await engine.call('sandbox/restore', { sandbox: 'one', snapshot: 'first' });
    assert.equal(sandbox.status, 'running');
    assert.deepEqual(
      sandbox.snapshots?.map(({ name }) => name),
      ['first', 'snap-1'],
    );
    assert.equal(await read(), 'before\n');
    await engine.call('snapshot/remove', { sandbox: 'one', snapshot: 'snap-1' });
    assert.equal(kept().length, 1);
    await assert.rejects(engine.call('snapshot/remove', { sandbox: 'one', snapshot: 'snap-1' }), {
      code: 'snapshot-not-found',
      hint: 'it has: first',
    });
    await engine.call('sandbox/remove', { sandbox: 'one', force: true });
    assert.deepEqual(kept(), []);
  });

  it('is kept while it is stopped, and says why no program is in it', async () => {
    await write('cold');
    await engine.call('sandbox/stop', { sandbox: 'one' });
    const taken = await engine.call('sandbox/snapshot', { sandbox: 'one', name: 'cold', memory: true });
    assert.equal(taken.why_no_memory, 'it is not running');
    const { sandbox } = await engine.call('sandbox/restore', { sandbox: 'one', snapshot: 'cold' });
    assert.equal(sandbox.status, 'stopped');
  });

  it('finishes a restore that was interrupted before it starts again', async () => {
    await write('before');
    await snapshot('first');
    await write('after');
    const { sandbox } = await engine.call('sandbox/stop', { sandbox: 'one' });
    const file = sandboxPaths(engine.paths, sandbox.id).record;
    writeFileSync(file, JSON.stringify({ ...record(sandbox.id), restoring: 'first' }));
    await assert.rejects(engine.call('snapshot/remove', { sandbox: 'one', snapshot: 'first' }), {
      code: 'busy',
    });
    await engine.call('sandbox/start', { sandbox: 'one' });
    assert.equal(await read(), 'before\n');
    assert.equal(record(sandbox.id)['restoring'], undefined);
  });

  it('gets other limits, of which it is said when they count', async () => {
    const resize = (limits: object) => engine.call('sandbox/resize', { sandbox: 'one', limits });
    const live = await resize({ wall: 3600 });
    assert.equal(live.restart_needed, true);
    assert.deepEqual(live.sandbox.limits, { wall: 3600 });
    await assert.rejects(resize({}), { code: 'usage' });
    await assert.rejects(resize({ cpus: 2 }), { code: 'policy-unenforceable' });
    await engine.call('sandbox/stop', { sandbox: 'one' });
    assert.equal((await resize({ wall: 60 })).restart_needed, false);
  });

  it('is refused what its backend cannot do, with the backends that can', async () => {
    await engine.create({ name: 'plain', backend: 'bubblewrap' });
    const refusal = { code: 'unsupported', hint: /fakeext/ };
    for (const method of ['sandbox/pause', 'sandbox/suspend', 'sandbox/snapshot'] as const)
      await assert.rejects(engine.call(method, { sandbox: 'plain' }), refusal);
    await assert.rejects(engine.call('sandbox/restore', { sandbox: 'plain', snapshot: 'any' }), refusal);
    assert.equal((await engine.get('plain')).status, 'running');
  });

  it('tells the truth after its owner was killed while it was written to disk', async () => {
    const pid = (await engine.get('one')).owner?.pid ?? assert.fail('no owner');
    const asked = ask('sandbox/suspend').catch(() => undefined);
    kill(pid);
    await asked;
    const { sandbox } = await engine.call('sandbox/get', { sandbox: 'one', settled: true });
    assert.match(sandbox.status, /^(running|failed|stopped)$/);
    assert.equal((await engine.call('sandbox/start', { sandbox: 'one' })).sandbox.status, 'running');
  });
});

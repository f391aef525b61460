// What becomes of a sandbox when who made it, or the store that it belongs to, is suddenly gone.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connectOwner } from '../../server/owner/connect.ts';
import { PROTOCOL } from '../../server/protocol/version.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { findEntry, updateRecord } from '../../server/store/sandboxes.ts';
import { eventually } from '../support/eventually.ts';
import { type Engine, kill, needEngine, newEngine, processesOf } from './support/engine.ts';

describe('a sandbox', function () {
  this.timeout(120_000);
  let engine: Engine;
  before(needEngine);
  beforeEach(() => {
    engine = newEngine();
  });
  afterEach(() => engine.dispose());

  const makerStoppedAt = async (phase: string): Promise<ChildProcess> => {
    const script = join(import.meta.dirname, 'fixtures', 'maker.ts');
    const maker = spawn(process.execPath, [script, 'one', phase], {
      env: { ...process.env, HEYO_HOME: engine.home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const chunk of maker.stdout) {
      said += String(chunk);
      if (said.includes(`${phase}\n`)) return maker;
    }
    throw new Error(`it ended after ${said}`);
  };
  const killed = async (maker: ChildProcess): Promise<void> => {
    const end = once(maker, 'exit');
    maker.kill('SIGKILL');
    await end;
    letOwnerGoOn();
  };
  const letOwnerGoOn = (): void => {
    for (const { pid } of processesOf(engine.paths)) kill(pid, 'SIGCONT');
  };

  for (const phase of ['preparing', 'starting guest']) {
    it(`whose maker is killed while it says "${phase}" can be made again at once`, async () => {
      await killed(await makerStoppedAt(phase));
      assert.equal((await engine.create({ name: 'one' })).status, 'running');
      assert.equal((await engine.call('sandbox/list', {})).sandboxes.length, 1);
    });

    it(`whose maker and owner are killed while it says "${phase}" is gone with the next look`, async () => {
      const maker = await makerStoppedAt(phase);
      const { owner } = await findEntry(engine.paths, 'one');
      if (owner !== undefined) kill(owner.pid);
      await killed(maker);
      await eventually(async () => (await engine.call('sandbox/list', {})).sandboxes.length === 0);
      assert.equal((await engine.create({ name: 'one' })).status, 'running');
    });
  }

  const lastMomentOf = async (id: string): Promise<void> => {
    const script = join(import.meta.dirname, 'fixtures', 'leaseholder.ts');
    const holder = spawn(process.execPath, [script, id], {
      env: { ...process.env, HEYO_HOME: engine.home },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    assert.match(String((await once(holder.stdout, 'data'))[0]), /holds/);
  };

  it('whose owner is about to be gone is waited for by whoever starts it', async () => {
    const { id } = await engine.create({ name: 'one' });
    await engine.call('sandbox/stop', { sandbox: 'one' });
    await lastMomentOf(id);
    assert.equal((await engine.call('sandbox/start', { sandbox: 'one' })).sandbox.status, 'running');
  });

  it('that was never made is waited for by whoever wants its name, until its owner is gone', async () => {
    const { id } = await engine.create({ name: 'one' });
    await engine.call('sandbox/stop', { sandbox: 'one' });
    await updateRecord(engine.paths, id, record => ({ ...record, making: true }));
    await lastMomentOf(id);
    assert.notEqual((await engine.create({ name: 'one' })).id, id);
    assert.equal((await engine.call('sandbox/list', {})).sandboxes.length, 1);
  });

  it('that is being made keeps its name', async () => {
    const maker = await makerStoppedAt('starting guest');
    await assert.rejects(engine.create({ name: 'one' }), { code: 'name-taken' });
    maker.kill('SIGCONT');
    letOwnerGoOn();
    await once(maker, 'exit');
    assert.equal((await engine.get('one')).status, 'running');
  });

  it('that was made stays, however its owner ends', async () => {
    const { owner } = await engine.create({ name: 'one' });
    kill(owner?.pid ?? assert.fail());
    await eventually(async () => (await engine.get('one')).status === 'failed');
    await assert.rejects(engine.create({ name: 'one' }), { code: 'name-taken' });
    assert.equal((await engine.call('sandbox/start', { sandbox: 'one' })).sandbox.status, 'running');
  });

  it('goes on when something fails in its owner where nobody listens', async () => {
    const script = join(import.meta.dirname, 'fixtures', 'defects.ts');
    const owner = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = await text(owner.stdout);
    assert.deepEqual(said.trim().split('\n').sort(), [
      'defect (uncaughtException): Error: thrown',
      'defect (unhandledRejection): Error: rejected',
      'still there',
    ]);
  });

  it('ends when its record is removed', async () => {
    const { id } = await engine.create({ name: 'one' });
    rmSync(sandboxPaths(engine.paths, id).record);
    await eventually(() => processesOf(engine.paths).length === 0, { what: 'the end of the owner' });
  });

  it('goes on when its record is edited so that it cannot be read, and set aside', async () => {
    const { id } = await engine.create({ name: 'one' });
    const { record } = sandboxPaths(engine.paths, id);
    const content = readFileSync(record);
    const entry = await findEntry(engine.paths, 'one');
    writeFileSync(record, '{');
    assert.equal((await engine.call('sandbox/list', {})).problems.length, 1);
    assert.ok(!existsSync(record));
    const { state } = await connectOwner(entry).call('owner/hello', { ...PROTOCOL, client: 'test' });
    assert.equal(state, 'running');
    writeFileSync(record, content);
    assert.equal((await engine.exec('one', 'echo', 'fine')).out, 'fine\n');
  });

  it('ends when its store is removed, and brings nothing of it back', async () => {
    await engine.create({ name: 'one' });
    // Where the owner removes a file meanwhile, a removal may stop half-way and say nothing.
    await eventually(() => {
      rmSync(engine.home, { recursive: true, force: true, maxRetries: 5 });
      return !existsSync(engine.home);
    });
    await eventually(() => processesOf(engine.paths).length === 0, { what: 'the end of the owner' });
    assert.ok(!existsSync(engine.home));
  });
});

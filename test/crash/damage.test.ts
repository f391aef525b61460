// Damaged, foreign and future files in the store: one clear error each, and the other sandboxes keep working.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from '../../server/platform/process.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { type Engine, newEngine } from '../process/support/engine.ts';
import { heyvm, needCommandLine } from './support/commands.ts';

describe('a store that was damaged', function () {
  this.timeout(120_000);
  let engine: Engine;
  let id: string;

  before(needCommandLine);
  beforeEach(async () => {
    engine = newEngine();
    await engine.create({ name: 'good' });
    id = (await engine.create({ name: 'bad' })).id;
  });
  afterEach(() => engine.dispose());

  const files = () => sandboxPaths(engine.paths, id);
  /** What the command line says when it fails: the exit status, and one error with what to do about it. */
  const refusal = async (...args: readonly string[]) => {
    const { code, stderr } = await heyvm(engine.home, ...args, '--format', 'json');
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string; hint?: string } };
    assert.ok(error.hint, stderr);
    return { exit: code, code: error.code, message: error.message };
  };
  const assertGoodWorks = async () => {
    assert.equal((await engine.exec('good', 'echo', 'fine')).out, 'fine\n');
    await engine.call('sandbox/restart', { sandbox: 'good' });
    assert.equal((await engine.exec('good', 'echo', 'fine')).out, 'fine\n');
  };

  it('keeps the rest when a record of a running sandbox is broken, and force removes that one', async () => {
    writeFileSync(files().record, '{"version": 1, "na');
    const { stdout } = await heyvm(engine.home, 'list', '--format', 'json');
    assert.deepEqual(
      JSON.parse(stdout).map((sandbox: { name: string }) => sandbox.name),
      ['good'],
    );
    const refused = await refusal('get', id);
    assert.deepEqual([refused.exit, refused.code], [1, 'record-broken']);
    await assertGoodWorks();
    await assert.rejects(engine.call('sandbox/remove', { sandbox: id }), { code: 'record-broken' });
    assert.ok(existsSync(files().folder));
    await engine.call('sandbox/remove', { sandbox: id, force: true });
    assert.ok(!existsSync(files().folder));
    assert.deepEqual((await engine.call('sandbox/list', {})).problems, []);
  });

  it('leaves a record of a newer version alone', async () => {
    await engine.call('sandbox/stop', { sandbox: 'bad' });
    const before = readFileSync(files().record, 'utf8');
    const newer = JSON.stringify({ ...JSON.parse(before), version: 2 });
    writeFileSync(files().record, newer);
    const refused = await refusal('start', id);
    assert.deepEqual([refused.exit, refused.code], [1, 'record-newer']);
    await assertGoodWorks();
    assert.equal(readFileSync(files().record, 'utf8'), newer);
    writeFileSync(files().record, before);
  });

  it('still reaches a running sandbox whose owner.json is broken', async () => {
    writeFileSync(files().owner, '{');
    assert.equal((await engine.exec('bad', 'echo', 'fine')).out, 'fine\n');
    const { problems } = await engine.call('sandbox/list', {});
    assert.equal(problems.length, 1);
    assert.equal((await engine.call('sandbox/stop', { sandbox: 'bad' })).sandbox.status, 'stopped');
    await assertGoodWorks();
  });

  it('names file and key when the settings are broken, and what runs goes on', async () => {
    writeFileSync(engine.paths.settings, '{"network": "sometimes"}');
    const refused = await refusal('create');
    assert.deepEqual([refused.exit, refused.code], [2, 'settings-broken']);
    assert.match(refused.message, /settings\.json: network/);
    assert.equal((await engine.exec('bad', 'echo', 'fine')).out, 'fine\n');
    const { sandboxes, problems } = await engine.call('sandbox/list', {});
    assert.equal(sandboxes.length, 2);
    assert.equal(problems.length, 1);
    rmSync(engine.paths.settings);
    await assertGoodWorks();
  });

  it('never takes a process that got the pid of an owner for that owner', async () => {
    await engine.call('sandbox/stop', { sandbox: 'bad' });
    const self = identify(process.pid) ?? assert.fail('no identity');
    const foreign = {
      ...self,
      start_ticks: String(Number(self.start_ticks) - 1),
      guest_ip: null,
      ssh_port: null,
      started_at: new Date().toISOString(),
      state: 'running',
      attached: false,
      protocol: { major: 1, minor: 0 },
      build: 'b',
      control_socket: files().controlSocket,
      ssh_socket: files().sshSocket,
    };
    writeFileSync(files().owner, JSON.stringify(foreign));
    assert.notEqual((await engine.get('bad')).status, 'running');
    assert.ok(!existsSync(files().owner));
    assert.equal((await engine.call('sandbox/start', { sandbox: 'bad' })).sandbox.status, 'running');
  });

  it('works with times that lie in the future', async () => {
    await engine.call('sandbox/stop', { sandbox: 'bad' });
    const future = '2999-01-01T00:00:00.000Z';
    const record = JSON.parse(readFileSync(files().record, 'utf8'));
    const last_end = { ...record.last_end, at: future };
    writeFileSync(
      files().record,
      JSON.stringify({ ...record, created_at: future, last_end, ttl_seconds: 60 }),
    );
    assert.equal((await engine.call('sandbox/start', { sandbox: 'bad' })).sandbox.status, 'running');
    const owner = JSON.parse(readFileSync(files().owner, 'utf8'));
    writeFileSync(files().owner, JSON.stringify({ ...owner, started_at: future }));
    assert.equal((await engine.get('bad')).expires_at, '2999-01-01T00:01:00.000Z');
    assert.equal((await engine.exec('bad', 'echo', 'fine')).out, 'fine\n');
    const table = await heyvm(engine.home, 'list');
    assert.equal(table.code, 0, table.stderr);
    await assertGoodWorks();
  });

  it('says that the folder a sandbox shows is gone', async () => {
    const workspace = join(engine.home, '..', 'gone');
    mkdirSync(workspace);
    await engine.create({ name: 'lost', workspace });
    await engine.call('sandbox/stop', { sandbox: 'lost' });
    rmSync(workspace, { recursive: true });
    const refused = await refusal('start', 'lost');
    assert.deepEqual([refused.exit, refused.code], [3, 'path-not-found']);
    assert.match(refused.message, /gone/);
    await assertGoodWorks();
  });
});

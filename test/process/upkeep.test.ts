// The doctor and the clearing up: what they find, what they remove, and what they leave alone.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../server/platform/bundle.ts';
import { acquireLock } from '../../server/store/lock.ts';
import { type Engine, needEngine, newEngine } from './support/engine.ts';

describe('upkeep', function () {
  this.timeout(120_000);
  let engine: Engine;
  before(needEngine);
  beforeEach(() => {
    engine = newEngine();
  });
  afterEach(() => engine.dispose());

  it('finds a healthy machine healthy, and names every backend', async () => {
    await engine.create({ name: 'one' });
    const { checks } = await engine.call('doctor/run', {});
    const stateOf = (id: string) => checks.find(check => check.id === id)?.state;
    for (const id of ['node', 'store', 'settings', 'git', 'sandboxes', 'leftovers'])
      assert.equal(stateOf(id), 'ok', id);
    const { backends } = await engine.call('backend/list', { probe: true });
    for (const { id } of backends) assert.ok(stateOf(`backend:${id}`), id);
  });

  it('says what is wrong and what mends it', async () => {
    mkdirSync(engine.home, { mode: 0o700 });
    writeFileSync(engine.paths.settings, '{"network": 5}');
    const { checks } = await engine.call('doctor/run', {});
    const settings = checks.find(({ id }) => id === 'settings');
    assert.equal(settings?.state, 'error');
    assert.match(settings?.detail ?? '', /network/);
    assert.ok(settings?.fix);
  });

  it('removes leftovers and old versions, and nothing that is used', async () => {
    await engine.create({ name: 'one' });
    const { paths } = engine;
    const rubbish = [
      join(paths.trash, 'sb-0badf00d-1234'),
      join(paths.locks, 'sandbox-sb-0badf00d'),
      join(paths.run, 'sb-0badf00d'),
      join(paths.lib, '0.0.1-old'),
    ];
    for (const path of rubbish) mkdirSync(path, { recursive: true });
    writeFileSync(join(paths.lib, '0.0.1-old', 'owner.cjs'), 'x'.repeat(1000));
    const planned = await engine.call('prune/run', { dry_run: true });
    // What every command that looks clears is gone by then.
    assert.ok(rubbish.slice(2).every(path => existsSync(path)));
    assert.ok(planned.removed.some(({ path, bytes }) => path.endsWith('0.0.1-old') && bytes === 1000));
    await engine.call('prune/run', {});
    for (const path of rubbish) assert.ok(!existsSync(path), path);
    assert.ok(existsSync(join(paths.lib, bundle.build)));
    assert.equal((await engine.exec('one', 'echo', 'fine')).out, 'fine\n');
  });

  it('clears the locks of sandboxes that never came to be with the next look, and none that is held', async () => {
    const { id } = await engine.create({ name: 'one' });
    const { paths } = engine;
    const ended = { pid: 2 ** 22 + 1, start_ticks: '1', boot_id: 'another' };
    const left = ['sandbox-sb-0badf00d', 'record-sb-0badf00d', 'owner-sb-0badf00d'];
    for (const name of left) {
      mkdirSync(join(paths.locks, name));
      writeFileSync(join(paths.locks, name, '1'), JSON.stringify(ended));
    }
    const lock = await acquireLock(paths, 'sandbox-sb-0badf00e', { wait: 'fail' });
    const own = readdirSync(paths.locks).filter(name => !left.includes(name));
    assert.ok(own.includes(`owner-${id}`));
    await engine.call('sandbox/list', {});
    assert.deepEqual(readdirSync(paths.locks).sort(), own.sort());
    lock.release();
    await engine.call('sandbox/list', {});
    assert.deepEqual(
      readdirSync(paths.locks).sort(),
      own.filter(name => name !== 'sandbox-sb-0badf00e'),
    );
    assert.deepEqual(readdirSync(paths.trash), []);
  });

  it('removes stopped sandboxes only when it is asked to, and running ones never', async () => {
    await engine.create({ name: 'running' });
    await engine.create({ name: 'stopped' });
    await engine.call('sandbox/stop', { sandbox: 'stopped' });
    await engine.call('prune/run', {});
    assert.equal((await engine.call('sandbox/list', {})).sandboxes.length, 2);
    await engine.call('prune/run', { stopped: true });
    const { sandboxes } = await engine.call('sandbox/list', {});
    assert.deepEqual(
      sandboxes.map(({ name, status }) => [name, status]),
      [['running', 'running']],
    );
  });
});

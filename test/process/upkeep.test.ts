// The doctor and the clearing up: what they find, what they remove, and what they leave alone.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../server/platform/bundle.ts';
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
      join(paths.run, 'sb-0badf00d'),
      join(paths.locks, 'sandbox-sb-0badf00d'),
      join(paths.lib, '0.0.1-old'),
    ];
    for (const path of rubbish) mkdirSync(path, { recursive: true });
    writeFileSync(join(paths.lib, '0.0.1-old', 'owner.cjs'), 'x'.repeat(1000));
    const planned = await engine.call('prune/run', { dry_run: true });
    assert.ok(rubbish.slice(1).every(path => existsSync(path)));
    assert.ok(planned.removed.some(({ path, bytes }) => path.endsWith('0.0.1-old') && bytes === 1000));
    await engine.call('prune/run', {});
    for (const path of rubbish) assert.ok(!existsSync(path), path);
    assert.ok(existsSync(join(paths.lib, bundle.build)));
    assert.equal((await engine.exec('one', 'echo', 'fine')).out, 'fine\n');
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

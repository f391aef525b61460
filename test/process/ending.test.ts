// When a sandbox ends by itself: its deadlines, and the clients that hold an attached one.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { connectOwner } from '../../server/owner/connect.ts';
import { findEntry } from '../../server/store/sandboxes.ts';
import { eventually } from '../support/eventually.ts';
import { type Engine, needEngine, newEngine } from './support/engine.ts';

describe('a sandbox that ends by itself', function () {
  this.timeout(120_000);
  let engine: Engine;

  before(needEngine);
  beforeEach(() => {
    engine = newEngine();
  });
  afterEach(() => engine.dispose());

  const settled = (name: string, status: string) =>
    eventually(async () => (await engine.get(name)).status === status, { what: `${name} ${status}` });

  it('ends when its time to live is over', async () => {
    const sandbox = await engine.create({ name: 'one', ttl_seconds: 1 });
    assert.equal(Date.parse(sandbox.expires_at ?? '') - Date.parse(sandbox.started_at ?? ''), 1000);
    await settled('one', 'stopped');
    assert.match((await engine.get('one')).status_reason ?? '', /time to live/);
    const { removed } = await engine.call('prune/run', {});
    assert.ok(removed.some(({ what }) => what === 'sandbox one'));
  });

  it('ends at its limit of running time', async () => {
    await engine.create({ name: 'one', limits: { wall: 1 } });
    await settled('one', 'stopped');
    assert.match((await engine.get('one')).status_reason ?? '', /limit/);
  });

  it('lives exactly as long as somebody holds it, when it is attached', async () => {
    assert.equal((await engine.create({ name: 'one', attached: true })).attached, true);
    const entry = await findEntry(engine.paths, 'one');
    const [first, second] = [await connectOwner(entry).hold(), await connectOwner(entry).hold()];
    first.dispose();
    assert.equal((await engine.exec('one', 'echo', 'there')).out, 'there\n');
    second.dispose();
    await settled('one', 'stopped');
  });

  it('stops when nobody ever held it', async () => {
    await engine.create({ name: 'one', attached: true });
    await settled('one', 'stopped');
  });

  it('stops when the client that held it was killed', async () => {
    await engine.create({ name: 'one', attached: true });
    const script = join(import.meta.dirname, 'fixtures', 'holder.ts');
    const holder = spawn(process.execPath, [script, 'one'], {
      env: { ...process.env, HEYO_HOME: engine.home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise(resolve => holder.stdout.once('data', resolve));
    holder.kill('SIGKILL');
    await settled('one', 'stopped');
  });

  it('goes on without a client when it is told to', async () => {
    await engine.create({ name: 'one', attached: true });
    const owner = connectOwner(await findEntry(engine.paths, 'one'));
    const held = await owner.hold();
    await owner.call('owner/keep', {});
    held.dispose();
    owner.close();
    assert.equal((await engine.get('one')).attached, false);
    assert.equal((await engine.exec('one', 'echo', 'there')).out, 'there\n');
  });
});

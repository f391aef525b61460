// The process of a guest that an owner starts before it knows whether it needs one: it is used, or it is gone.
import { strict as assert } from 'node:assert';
import { ensureBox } from '../../scripts/lib/wasmBox.ts';
import { manifest } from '../../server/backends/wasix/manifest.ts';
import { readRunning } from '../../server/backends/wasix/running.ts';
import { type Expected, expectOwner } from '../../server/owner/candidate.ts';
import { bundle } from '../../server/platform/bundle.ts';
import { createService } from '../../server/service/service.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { type Engine, kill, newEngine, processesOf } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBox } from './support/box.ts';

describe('a process for a guest that is started ahead', function () {
  this.timeout(180_000);
  let engine: Engine;
  let image: string;

  before(async function () {
    await skipWithoutBox(this);
    image = await ensureBox();
  });
  beforeEach(async () => {
    engine = newEngine();
    // From then on its programs are there, and a process can be started before anything is known.
    const { id } = await engine.create({ backend: manifest.id, image });
    await engine.call('sandbox/remove', { sandbox: id, force: true });
  });
  afterEach(() => engine.dispose());

  /** The process, once it is there. */
  async function begun(): Promise<number> {
    const runner = () => processesOf(engine.paths).find(({ command }) => command.includes('/runners/'));
    await eventually(() => runner() !== undefined, { what: 'the process that is started ahead' });
    return runner()?.pid ?? assert.fail();
  }

  function expected(): Expected {
    return expectOwner({ paths: engine.paths, env: process.env, bundle, ahead: manifest.ahead });
  }

  async function createWith(early: Expected, memory?: number): Promise<number | undefined> {
    const { call } = createService({ paths: engine.paths, env: process.env, early });
    const limits = memory === undefined ? {} : { limits: { memory } };
    const { sandbox } = await call('sandbox/create', { spec: { backend: manifest.id, image, ...limits } });
    return (await readRunning(sandboxPaths(engine.paths, sandbox.id).state))?.pid;
  }

  it('is the one in which the guest runs', async () => {
    const early = expected();
    const pid = await begun();
    assert.equal(await createWith(early), pid);
  });

  it('is gone when the guest needs another one', async () => {
    const early = expected();
    const pid = await begun();
    const running = await createWith(early, 256 * 2 ** 20);
    assert.notEqual(running, pid);
    await eventually(() => processesOf(engine.paths).every(found => found.pid !== pid));
  });

  it('is gone before anybody is told that nothing was started', async () => {
    const early = expected();
    await begun();
    await early.dismiss();
    assert.deepEqual(processesOf(engine.paths), []);
    await assert.rejects(engine.create({ backend: manifest.id, image, workspace: '/no/such/folder' }));
    assert.deepEqual(processesOf(engine.paths), []);
  });

  it('ends with its owner, however that ends', async () => {
    const { child } = expected().take() ?? assert.fail('none was started');
    await begun();
    kill(child.pid ?? assert.fail());
    await eventually(() => processesOf(engine.paths).length === 0);
  });
});

// The line to the files of a sandbox, which is kept, when there is another sandbox behind the name.
import { strict as assert } from 'node:assert';
import { type Engine, needEngine, newEngine } from './support/engine.ts';

describe('files of a sandbox by its name', function () {
  this.timeout(60_000);
  let engine: Engine;

  before(needEngine);
  beforeEach(() => {
    engine = newEngine();
  });
  afterEach(() => engine.dispose());

  it('are those of the one that has the name now', async () => {
    const name = 'again';
    const at = { sandbox: name, path: '/home/dev/file' };
    await engine.create({ name });
    await engine.call('files/write', { ...at, data: '' });
    assert.notEqual((await engine.call('files/stat', at)).facts, undefined);
    await engine.call('sandbox/remove', { sandbox: name, force: true });
    await engine.create({ name });
    assert.deepEqual(await engine.call('files/stat', at), {});
  });
});

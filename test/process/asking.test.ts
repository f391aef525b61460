// What is asked of a backend besides limits: its options, its image, and a test of the backend itself.
import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { backends } from '../../server/backends/registry.ts';
import { run } from '../../server/platform/run.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { withFakeBuild } from '../support/fakeBuild.ts';
import { type Engine, needEngine, newEngine, processesOf } from './support/engine.ts';

describe('a backend', function () {
  this.timeout(120_000);
  let engine: Engine;
  before(needEngine);
  const build = withFakeBuild();
  beforeEach(() => {
    engine = newEngine({ bundle: build() });
  });
  afterEach(() => engine.dispose());

  const set = (settings: object): void => {
    mkdirSync(engine.home, { recursive: true });
    writeFileSync(engine.paths.settings, JSON.stringify(settings));
  };
  const recordOf = (id: string): Record<string, unknown> =>
    JSON.parse(readFileSync(sandboxPaths(engine.paths, id).record, 'utf8'));
  const addImage = async (name: string, word: string): Promise<string> => {
    const root = join(engine.home, '..', `root-${word}`);
    mkdirSync(join(root, 'bin'), { recursive: true });
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc', 'os-release'), `ID=${word}\nVERSION_ID=1\n`);
    writeFileSync(join(root, 'bin', 'sh'), '#!/bin/false\n', { mode: 0o755 });
    const path = `${root}.tar`;
    await run(['tar', '-cf', path, '-C', root, '.'], {});
    const { image } = await engine.call('image/add', { path, name });
    return image.digest;
  };

  it('is given the options of a sandbox over those of the settings, and says which key is wrong', async () => {
    set({ backends: { fakeext: { connect: 'near', depth: 1 } } });
    const { id } = await engine.create({ name: 'one', backend: 'fakeext', options: { depth: 2 } });
    assert.deepEqual(recordOf(id)['options'], { depth: 2 });
    for (const [options, named] of [
      [{ depth: 'deep' }, /depth/],
      [{ dept: 2 }, /dept/],
    ] as const) {
      await assert.rejects(engine.create({ backend: 'fakeext', options }), {
        code: 'usage',
        message: named,
        hint: `options of fakeext: connect, depth; given: ${Object.keys(options).join(', ')}`,
      });
    }
    set({ backends: { fakeext: { depth: 'deep' } } });
    await assert.rejects(engine.create({ backend: 'fakeext' }), {
      code: 'settings-broken',
      message: /depth/,
    });
    set({});
    assert.equal((await engine.call('sandbox/list', {})).sandboxes.length, 1);
  });

  it('that was ready a moment ago and is away now leaves the choice to the others', async () => {
    const fake = backends.find(({ manifest }) => manifest.id === 'fakeext') ?? assert.fail('no fake');
    const rank = fake.manifest.rank as { throwaway: number };
    const before = rank.throwaway;
    rank.throwaway = 1_000;
    try {
      // The first makes the folder in which the second remembers what was ready.
      for (const name of ['zero', 'one'])
        assert.equal((await engine.create({ name })).backend_type, 'fakeext');
      assert.match(readFileSync(join(engine.paths.cache, 'probes.json'), 'utf8'), /"fakeext"/);
      mkdirSync(join(engine.paths.cache, 'fakeext'), { recursive: true });
      writeFileSync(join(engine.paths.cache, 'fakeext', 'away'), '');
      const second = await engine.create();
      assert.equal(second.backend_type, 'bubblewrap');
      assert.equal(second.status, 'running');
    } finally {
      rank.throwaway = before;
      rmSync(join(engine.paths.cache, 'fakeext', 'away'), { force: true });
    }
  });

  it('without images refuses one', async () => {
    await assert.rejects(engine.create({ backend: 'fakeext', image: 'debian:12' }), {
      code: 'policy-unenforceable',
    });
  });

  it('with images takes the one that is named, else that of the settings, else its own', async () => {
    const digest = await addImage('mine', 'tea');
    await addImage('other', 'coffee');
    const named = await engine.create({ name: 'named', backend: 'fakeimg', image: 'mine' });
    assert.equal(named.image, 'mine');
    assert.equal(recordOf(named.id)['image_digest'], digest);
    set({ backends: { fakeimg: { image: 'other' } } });
    assert.equal((await engine.create({ name: 'set', backend: 'fakeimg' })).image, 'other');
    set({});
    assert.equal((await engine.create({ name: 'default', backend: 'fakeimg' })).image, 'base:1');
  });

  it('with images starts from what the name meant when the sandbox was made', async () => {
    await addImage('mine', 'tea');
    await engine.create({ name: 'one', backend: 'fakeimg', image: 'mine' });
    await engine.call('sandbox/stop', { sandbox: 'one' });
    const { used_by } = (await engine.call('image/list', {})).images[0] ?? assert.fail('no image');
    assert.deepEqual(used_by, ['one']);
    await engine.call('sandbox/start', { sandbox: 'one' });
    const { out } = await engine.exec('one', 'printenv', 'IMAGE');
    assert.equal(JSON.parse(out).manifest.os.id, 'tea');
  });

  it('with images refuses a runtime that the image has not', async () => {
    await addImage('mine', 'tea');
    await assert.rejects(engine.create({ backend: 'fakeimg', image: 'mine', runtime: 'python' }), {
      code: 'runtime-missing',
    });
  });

  it('is tried from end to end, and nothing of that stays', async () => {
    const tried = await engine.call('backend/test', { id: 'bubblewrap' });
    assert.deepEqual(
      tried.steps.filter(({ outcome }) => outcome !== 'passed'),
      [],
    );
    assert.equal(tried.passed, true);
    assert.equal(tried.steps.length, 7);
    assert.deepEqual((await engine.call('sandbox/list', {})).sandboxes, []);
    assert.deepEqual(processesOf(engine.paths), []);
  });

  it('that fails says at which step and why, goes no further, and leaves nothing either', async () => {
    // The fake's shell cannot reckon, which is the first thing that it is asked.
    const tried = await engine.call('backend/test', { id: 'fakeext' });
    assert.equal(tried.passed, false);
    const [failed] = tried.steps.filter(({ outcome }) => outcome === 'failed');
    assert.match(failed?.detail ?? '', /instead of 42/);
    assert.deepEqual(
      tried.steps.slice(-3).map(({ name, outcome }) => `${name}: ${outcome}`),
      ['network none reaches nothing: not run', 'stop: not run', 'remove: passed'],
    );
    assert.deepEqual((await engine.call('sandbox/list', {})).sandboxes, []);
    assert.deepEqual(processesOf(engine.paths), []);
    await assert.rejects(engine.call('backend/test', { id: 'nobody' }), { code: 'backend-unknown' });
  });
});

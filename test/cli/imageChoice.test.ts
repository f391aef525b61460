// An image that one backend runs and another does not: it decides where nobody named a backend, and else helps to choose.
import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorOf, makeWorld, needEngine, type Outcome, type World } from './support/world.ts';

const IMAGE = 'mcr.microsoft.com/devcontainers/base:bookworm';

describe('an image and the backends', function () {
  this.timeout(60_000);
  let world: World;
  before(async function () {
    needEngine(this);
    world = await makeWorld();
  });
  after(() => world?.end());

  /** There is no engine at that place, so that nothing is ever fetched. */
  const nowhere = { env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } };
  const create = (...words: string[]): Promise<Outcome> =>
    world.heyvm(['create', '--image', IMAGE, '--format', 'json', ...words], nowhere);

  it('tries only those that can run it, and says of each why it is not taken', async () => {
    const done = await create();
    assert.equal(done.code, 5, done.stderr);
    const { code, message, hint } = errorOf(done);
    assert.equal(code, 'backend-missing');
    assert.match(message, /bubblewrap: its guests run on the system of this machine/);
    assert.match(message, /libvirt: it takes no image from a registry/);
    assert.match(message, /docker: .*nowhere/);
    assert.match(hint ?? '', /docker/);
  });

  it('does the same for the image of a project', async () => {
    const folder = join(world.folder, 'shop');
    mkdirSync(folder);
    writeFileSync(join(folder, '.devcontainer.json'), JSON.stringify({ image: IMAGE }));
    const done = await world.heyvm(['up', folder, '--detach', '--format', 'json'], nowhere);
    assert.equal(errorOf(done).code, 'backend-missing', done.stderr);
    assert.match(errorOf(done).message, /libvirt: it takes no image from a registry/);
  });

  it('refuses where a backend was named that cannot, and says which could', async () => {
    const done = await create('--backend', 'bubblewrap');
    assert.equal(done.code, 4, done.stderr);
    assert.match(errorOf(done).message, /bubblewrap cannot give image mcr/);
    assert.match(errorOf(done).hint ?? '', /^docker could run it: --backend docker/);
    writeFileSync(join(world.store, 'settings.json'), '{ "backend_type": "bubblewrap" }');
    try {
      const set = await create();
      assert.match(errorOf(set).hint ?? '', /^docker could run it: --backend docker/);
    } finally {
      writeFileSync(join(world.store, 'settings.json'), '{}');
    }
  });
});

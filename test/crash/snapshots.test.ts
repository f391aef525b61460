// Commands that take snapshots of containers are killed: what nobody wrote down goes, and nothing else does.
import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, type Dockerd, startDockerd, whyNoDockerd } from '../../scripts/lib/daemons/dockerd.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { storeIdOf } from '../../server/store/storeId.ts';
import { type Engine, skipBecause } from '../process/support/engine.ts';
import { heyvm, needCommandLine } from './support/commands.ts';
import { assertTidied, killTaker, type Taker } from './support/killedSnapshot.ts';
import { newStore } from './support/storm.ts';

describe('snapshots of containers, when who takes them is killed', function () {
  this.timeout(300_000);
  let daemon: Dockerd;
  let engine: Engine;
  let taker: Taker;

  before(async function () {
    needCommandLine.call(this);
    skipBecause(this, whyNoDockerd());
    daemon = await startDockerd({ folder: mkdtempSync(join(tmpdir(), 'hvs-')) });
    engine = await newStore('docker', { connect: `unix://${daemon.socket}` });
    const { id } = await engine.create({ name: 'kept' });
    taker = { engine, sandbox: id, things: () => thingsOf(engine, daemon, id) };
  });

  after(async () => {
    try {
      await engine?.dispose();
    } finally {
      await daemon?.end();
    }
  });

  for (const moment of ['made', 'begun'] as const) {
    it(`leave nothing behind, and all others as they are: ${moment}`, async () => {
      const { sandbox, things } = taker;
      assert.equal((await heyvm(engine.home, 'snapshot', sandbox, `known-${moment}`)).code, 0);
      const kept = await things();
      const [known = ''] = kept.filter(name => name.includes(`known-${moment}`) && name.includes(':'));
      const tag = known.split(':')[1] ?? '';
      // Of another store, and a name that a person gave.
      const foreign = [`heyvm-0123456789ab:${tag}`, `mine:${tag}`];
      for (const name of foreign) {
        const [repo, other] = name.split(':');
        assert.equal(
          (await ask(daemon.socket, 'POST', `/images/${known}/tag?repo=${repo}&tag=${other}`)).status,
          201,
        );
      }
      await killTaker(taker, moment);
      await assertTidied(taker, kept);
      const left = await imagesOf(daemon);
      for (const name of foreign) {
        assert.ok(left.includes(name), `${name} is gone`);
        await ask(daemon.socket, 'DELETE', `/images/${name}`);
      }
      // Also the programs inside, which stood still for a moment.
      assert.equal((await engine.exec(sandbox, 'echo', 'here')).out, 'here\n');
    });
  }

  it('go with the sandbox when it is removed next', async () => {
    const { sandbox, things } = taker;
    await killTaker(taker, 'made');
    await engine.call('sandbox/remove', { sandbox, force: true });
    assert.deepEqual(await things(), []);
  });
});

/** Names of images, and of folders with homes. */
async function thingsOf(
  { paths }: Engine,
  daemon: Dockerd,
  id: Parameters<typeof sandboxPaths>[1],
): Promise<string[]> {
  const own = `heyvm-${storeIdOf(paths)}:${id}-`;
  const homes = join(sandboxPaths(paths, id).state, 'snapshots');
  return [
    ...(await imagesOf(daemon)).filter(name => name.startsWith(own)),
    ...(existsSync(homes) ? readdirSync(homes) : []),
  ].sort();
}

async function imagesOf({ socket }: Dockerd): Promise<string[]> {
  const listed = JSON.parse((await ask(socket, 'GET', '/images/json')).body) as {
    RepoTags: string[] | null;
  }[];
  return listed.flatMap(({ RepoTags: tags }) => tags ?? []);
}

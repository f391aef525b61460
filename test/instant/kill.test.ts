// Makers of templates that are killed at any moment leave nothing that the next start or a sweep does not clear.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DEFAULT_URI } from '../../server/backends/libvirt/options.ts';
import { scratchOf } from '../../server/backends/libvirt/templates/scratch.ts';
import { libvirtAt } from '../../server/backends/libvirt/virsh.ts';
import { run } from '../../server/platform/run.ts';
import { spawnChild } from '../../server/platform/spawn.ts';
import { eventually } from '../support/eventually.ts';
import { makeStable, namesIn, outputOf, type Stable } from './support/stable.ts';

type Place = Pick<Stable, 'folder' | 'cache'>;

const isBooting = (place: Place): boolean => making(place, 'console.log').some(existsSync);
const isSaved = (place: Place): boolean => making(place, 'moment').some(existsSync);

/** Where a maker is found at the moment of its end; what follows depends on how fast the machine is. */
const moments: readonly [string, (stable: Stable) => boolean][] = [
  ['before its machine exists', stable => making(stable).length > 0],
  ['while its machine boots', isBooting],
  ['while it is saved', isSaved],
  ['when it is there', stable => stable.templates().length > 0],
];

describe('makers of templates that are killed', function () {
  this.timeout(200_000);
  let stable: Stable;

  before(async function () {
    const made = await makeStable(realpathSync(mkdtempSync(join(tmpdir(), 'hvi-'))));
    if (typeof made === 'string') {
      console.log(`not run: makers of templates that are killed: ${made}`);
      return this.skip();
    }
    stable = made;
  });

  after(() => stable?.dispose());

  for (const [when, isNow] of moments) {
    it(`leave the next start its way: ${when}`, async () => {
      await stable.clear();
      await killMaker(stable, 'stable', () => isNow(stable));
      const memory = making(stable, 'memory');
      // Nobody has to find what goes by itself.
      if (isSaved(stable)) assert.ok(!memory.map(scratchOf).some(existsSync));

      const animal = stable.animal();
      const { guest } = await animal.start();
      assert.equal(await outputOf(guest, 'hostname; cat /workspace/whose'), `${animal.name}\n${animal.name}`);
      assert.deepEqual(
        animal.log.filter(line => line.startsWith('it boots')),
        [],
      );
      assert.equal(stable.templates().length, 1);
      assert.deepEqual(making(stable), []);
      assert.ok(!memory.map(scratchOf).some(existsSync));
      await animal.end();
    });
  }

  it('leave nothing after a sweep, which names what it removes', async () => {
    const [template] = stable.templates();
    assert.ok(template !== undefined);
    const [removed, ...more] = await stable.clear();
    assert.deepEqual([removed?.path, more], [join(stable.cache, 'templates', template), []]);
    assert.ok((removed?.bytes ?? 0) > 1024 ** 2, `${removed?.bytes} bytes`);
    assert.deepEqual(
      namesIn(join(stable.cache, 'templates')).filter(name => name !== '.locks'),
      [],
    );
    assert.deepEqual(await machinesOf('stable'), []);
  });

  it('leave nothing when their store is removed as well, after a sweep of another one', async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hvi-')));
    const gone = { folder, cache: join(folder, 'cache') };
    const now = scratchOf(folder);
    try {
      const named = (): boolean => making(gone, 'memory').map(scratchOf).some(existsSync);
      const speaks = (): boolean =>
        making(gone, 'console.log').some(file => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0);
      await killMaker(gone, 'gone', () => speaks() && !named());
      const memory = making(gone, 'memory').map(scratchOf);
      assert.equal(memory.length, 1);
      rmSync(folder, { recursive: true });
      // As if it had been killed before QEMU had opened its memory, and another one of another store right now.
      for (const file of [now, ...memory]) {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        writeFileSync(file, '');
      }
      for (const file of memory) utimesSync(file, 0, 0);
      await eventually(
        async () => {
          await stable.clear();
          return (await machinesOf('gone')).length === 0;
        },
        { withinMs: 60_000, what: 'the end of its machine' },
      );
      assert.deepEqual([now, ...memory].map(existsSync), [true, false]);
    } finally {
      rmSync(now, { force: true });
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function killMaker(place: Place, storeId: string, isNow: () => boolean): Promise<void> {
  const child = spawnChild(
    [process.execPath, join(import.meta.dirname, 'fixtures', 'starter.ts'), place.folder, storeId],
    { env: environment(), stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await eventually(isNow, { withinMs: 60_000, everyMs: 5 });
  child.kill('SIGKILL');
  await once(child, 'close');
}

async function machinesOf(storeId: string): Promise<string[]> {
  const domains = await libvirtAt(DEFAULT_URI, { run, signal: new AbortController().signal }).domains();
  return domains.map(({ name }) => name).filter(name => name.startsWith(`heyvm-${storeId}-`));
}

/** Where it is, or this file of it. */
function making({ cache }: Place, file = ''): string[] {
  const shelf = join(cache, 'templates');
  return namesIn(shelf)
    .filter(name => name.startsWith('.making-'))
    .map(name => join(shelf, name, file));
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

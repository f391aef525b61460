// Makers of templates that are killed at any moment leave nothing that the next start or a sweep does not clear.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { existsSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_URI } from '../../server/backends/libvirt/options.ts';
import { libvirtAt } from '../../server/backends/libvirt/virsh.ts';
import { run } from '../../server/platform/run.ts';
import { spawnChild } from '../../server/platform/spawn.ts';
import { eventually } from '../support/eventually.ts';
import { makeStable, namesIn, outputOf, type Stable } from './support/stable.ts';

/** Where a maker is found at the moment of its end; what follows depends on how fast the machine is. */
const moments: readonly [string, (stable: Stable) => boolean][] = [
  ['before its machine exists', stable => making(stable).length > 0],
  [
    'while its machine boots',
    stable => making(stable).some(name => existsSync(inMaking(stable, name, 'console.log'))),
  ],
  ['while it is saved', stable => making(stable).some(name => existsSync(inMaking(stable, name, 'moment')))],
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
      const child = spawnChild(
        [process.execPath, join(import.meta.dirname, 'fixtures', 'starter.ts'), stable.folder],
        { env: environment(), stdio: ['ignore', 'ignore', 'inherit'] },
      );
      await eventually(() => isNow(stable), { withinMs: 60_000, everyMs: 5 });
      child.kill('SIGKILL');
      await once(child, 'close');

      const animal = stable.animal();
      const { guest } = await animal.start();
      assert.equal(await outputOf(guest, 'hostname; cat /workspace/whose'), `${animal.name}\n${animal.name}`);
      assert.deepEqual(
        animal.log.filter(line => line.startsWith('it boots')),
        [],
      );
      assert.equal(stable.templates().length, 1);
      assert.deepEqual(making(stable), []);
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
    const domains = await libvirtAt(DEFAULT_URI, { run, signal: new AbortController().signal }).domains();
    assert.deepEqual(
      domains.filter(({ name }) => name.startsWith('heyvm-stable-')),
      [],
    );
  });
});

function making(stable: Stable): string[] {
  return namesIn(join(stable.cache, 'templates')).filter(name => name.startsWith('.making-'));
}

function inMaking(stable: Stable, name: string, file: string): string {
  return join(stable.cache, 'templates', name, file);
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

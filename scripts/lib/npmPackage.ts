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

/** The folder of a package with all that it depends on, none of whose scripts were run. Throws `Stop` where it cannot be had. */
export async function installPackage(name: string, version: string): Promise<string> {
  const place = join(cache, 'npm', `${name.replaceAll(/[^\w.-]+/g, '-')}-${version}-installed`);
  const installed = join('node_modules', ...name.split('/'));
  if (existsSync(place)) return join(place, installed);
  mkdirSync(join(cache, 'npm'), { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(cache, 'npm', 'fetching-'));
  try {
    const options = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--omit=dev'];
    const done = await attempt(['npm', 'install', '--prefix', folder, ...options, `${name}@${version}`]);
    if (done.code !== 0) throw new Stop(`no ${name}: ${done.stderr.trim().split('\n')[0]}`);
    renameSync(folder, place);
    return join(place, installed);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

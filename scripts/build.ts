// Makes dist/: the bundles, the launcher, the guest program, and a Node where the system's is too old.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bundles, makeBundle } from './lib/bundles.ts';
import { buildGuest, guestName } from './lib/cargoBuild.ts';
import { attempt } from './lib/command.ts';
import { hashOf } from './lib/hash.ts';
import { dist, root } from './lib/places.ts';
import { main, Stop, say } from './lib/say.ts';

if (import.meta.main) await main(buildAll);

export async function buildAll(): Promise<number> {
  for (const folder of ['test', 'runners']) mkdirSync(join(dist, folder), { recursive: true });
  const id = buildId();
  const [bundled, guest] = await Promise.allSettled([writeBundles(id), buildGuest(dist)]);
  copyFileSync(join(root, 'scripts', 'launcher.sh'), join(dist, 'heyvm'));
  chmodSync(join(dist, 'heyvm'), 0o755);
  await placeNode();
  writeFileSync(join(dist, 'build.json'), `${JSON.stringify({ build: id })}\n`);
  if (bundled.status === 'rejected') throw bundled.reason;
  if (guest.status === 'rejected') throw guest.reason;
  say(
    guest.value
      ? `  ${guestName}`
      : `  no guest program on ${process.platform}: sandboxes that need it cannot run`,
  );
  say(`built ${id}`);
  return 0;
}

/** Changes whenever a running owner would behave differently. */
export function buildId(): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const sources = [
    'server',
    'native',
    'package-lock.json',
    'scripts/lib/bundles.ts',
    'scripts/lib/componentBundles.ts',
  ];
  const hash = hashOf(root, sources, name => !name.endsWith('.test.ts') && !name.endsWith('.md'));
  return `${version}-${hash.slice(0, 12)}`;
}

async function writeBundles(id: string): Promise<void> {
  const results = await Promise.allSettled(bundles.map(bundle => makeBundle(bundle, id)));
  const failed: string[] = [];
  const inputs: Record<string, unknown> = {};
  for (const [index, result] of results.entries()) {
    const bundle = bundles[index];
    if (bundle === undefined) continue;
    if (result.status === 'rejected') failed.push(`${bundle.name}: ${String(result.reason)}`);
    else if (result.value === undefined) say(`  ${bundle.name}: no ${bundle.entry}, left out`);
    else {
      say(`  ${bundle.name}.${bundle.form ?? 'cjs'} ${Math.round(result.value.bytes / 1024)} kB`);
      inputs[bundle.name] = result.value.metafile;
    }
  }
  writeFileSync(join(dist, 'meta.json'), JSON.stringify(inputs));
  if (failed.length > 0) throw new Stop(`the build failed\n${failed.join('\n')}`);
}

/** A link to the running Node beside the launcher, when the one that people have in PATH cannot run the bundles. */
async function placeNode(): Promise<void> {
  const link = join(dist, 'node');
  rmSync(link, { force: true });
  const system = await systemNode();
  if (system === undefined || system < 22) symlinkSync(process.execPath, link);
}

/** The major version of the node that a person's shell finds, which need not be the one that runs this. */
async function systemNode(): Promise<number | undefined> {
  const own = join(process.execPath, '..');
  const path = (process.env['PATH'] ?? '').split(':').filter(folder => folder !== own);
  for (const folder of path) {
    const done = await attempt([join(folder, 'node'), '--version']).catch(() => undefined);
    const major = Number(/^v(\d+)/.exec(done?.stdout ?? '')?.[1]);
    if (Number.isInteger(major)) return major;
  }
  return undefined;
}

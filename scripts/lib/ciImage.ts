// The image that the guests of tests and measurements run from: made once from a Debian mirror, kept outside the tree.
import {
  copyFileSync,
  existsSync,
  globSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { ResolvedImage } from '../../server/core/image.ts';
import { bootstrapImage } from '../../server/images/build/bootstrap.ts';
import { resolveImage } from '../../server/images/resolve.ts';
import { bundle, guestProgram } from '../../server/platform/bundle.ts';
import { run } from '../../server/platform/run.ts';
import type { ImageKind } from '../../server/protocol/backend.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { readSettings } from '../../server/store/settings.ts';
import { command } from './command.ts';
import { hashOf } from './hash.ts';
import { dropUnused, isKept } from './kept.ts';
import { cache, root } from './places.ts';
import { Stop, say } from './say.ts';

export const ciImage = 'debian:12';

const parts = 'server/images/build/{bootstrap,distributions,hygiene,kernelPackages,mmdebstrap}.ts';

/** A store that has the image and nothing else; a second call finds it. */
export async function ensureCiStore(folder = cache): Promise<string> {
  const ready = join(folder, 'ci-image', keyOf());
  if (isKept(ready)) return ready;
  say(`making the image ${ciImage} of the tests (once, about a minute)`);
  const making = `${ready}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true, mode: 0o700 });
  const env = { ...process.env, HEYO_HOME: making };
  const paths = pathsOf(env);
  try {
    const deps = { paths, run, env, settings: () => readSettings(paths).settings };
    const call = { signal: new AbortController().signal, progress: () => {} };
    await bootstrapImage(deps, { base: ciImage }, call);
    renameSync(making, ready);
    dropUnused(ready);
  } catch (error) {
    if (!existsSync(ready)) throw new Stop(`the image of the tests cannot be made: ${messageOf(error)}`);
  } finally {
    rmSync(making, { recursive: true, force: true });
    rmSync(paths.run, { recursive: true, force: true });
  }
  return ready;
}

/** Also what machines need of it, for the guest program as it is now. */
export async function ensureCiDisk(store: string): Promise<ResolvedImage> {
  return await resolveCiImage(store, ['disk']);
}

export async function resolveCiImage(store: string, kinds: readonly ImageKind[]): Promise<ResolvedImage> {
  const env = { ...process.env, HEYO_HOME: store };
  const paths = pathsOf(env);
  const deps = { paths, run, env, settings: () => readSettings(paths).settings };
  const wish = { name: ciImage, kinds, agent: guestProgram(bundle.folder) };
  return await resolveImage(deps, wish, { signal: new AbortController().signal, progress: () => {} });
}

/** Gives a store the image: what is large is the same file in both. */
export function takeCiImage(store: string, home: string): void {
  take(join(store, 'images'), join(home, 'images'));
}

/** A copy for a user who may not read what is root's, times included; kept like the first one. */
export async function copyCiStore(store: string, folder: string, uid: number): Promise<void> {
  const copies = join(folder, 'ci-image');
  const there = join(copies, basename(store));
  if (isKept(there)) return;
  mkdirSync(copies, { recursive: true, mode: 0o700 });
  const making = `${there}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  await command(['cp', '--archive', '--reflink=auto', store, making]);
  renameSync(making, there);
  dropUnused(there);
  await command(['chown', '--recursive', `${uid}:${uid}`, folder]);
}

/** Only what decides about the content; what is derived from it finds out by itself when it is too old. */
function keyOf(): string {
  const inputs = globSync(parts, { cwd: root }).sort();
  return hashOf(root, inputs).slice(0, 16);
}

function take(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) take(source, target);
    else if (!existsSync(target)) link(source, target);
  }
}

/** Small files may be written again by their store, so that they are copied. */
function link(source: string, target: string): void {
  const small = lstatSync(source).size < 64 * 1024;
  try {
    if (small) copyFileSync(source, target);
    else linkSync(source, target);
  } catch {
    // Another file system.
    copyFileSync(source, target);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

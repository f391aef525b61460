// Reads and writes what images are: one manifest for each name, and one for each digest that outlives its name.
import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import { ensureFolder, isAbsence, readTextIfExists, writeAtomic } from '../platform/files.ts';
import type { Problem } from '../protocol/doctor.ts';
import { ImageFile, ImageManifest } from '../protocol/image.ts';
import { parseJson } from '../protocol/parse.ts';
import { withLock } from '../store/lock.ts';
import { unclaim } from './claims.ts';
import { digestFile, layoutOf, STORE_LOCK, type StorePaths } from './layout.ts';
import { decodeName, encodeName, sameNames } from './names.ts';

export type ImageList = {
  readonly images: readonly ImageManifest[];
  readonly problems: readonly Problem[];
};

/** Over everything but name, digest and times. */
export function digestOfManifest(image: Omit<ImageManifest, 'digest'>): string {
  const { name: _name, created_at: _created, booted_at: _booted, ...rest } = image;
  const content = { ...rest, digest: undefined };
  return `sha256:${createHash('sha256')
    .update(JSON.stringify(sorted(content)))
    .digest('hex')}`;
}

/** Gives the image its digest and its name; what the name meant before stays for the sandboxes made from it. */
export async function writeManifest(
  paths: StorePaths,
  image: Omit<ImageManifest, 'digest'>,
  listed: 'by name' | 'by digest alone' = 'by name',
): Promise<ImageManifest> {
  const manifest: ImageManifest = { ...image, digest: digestOfManifest(image) };
  const { names, manifests } = layoutOf(paths);
  for (const folder of [paths.images, names, manifests]) await ensureFolder(folder);
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  await withLock(paths, STORE_LOCK, { wait: 'wait' }, async () => {
    await writeAtomic(join(manifests, `${digestFile(manifest.digest)}.json`), text);
    if (listed === 'by name') await writeAtomic(join(names, `${encodeName(manifest.name)}.json`), text);
    await unclaim(paths, digestsOf(manifest.files));
  });
  return manifest;
}

/** Undefined when no image has this name, with and without `:latest`; a manifest that cannot be read throws. */
export async function readManifest(paths: StorePaths, name: string): Promise<ImageManifest | undefined> {
  for (const candidate of sameNames(name)) {
    const path = namePath(paths, candidate);
    const text = await readTextIfExists(path);
    if (text !== undefined) return parsedManifest(path, text);
  }
  return undefined;
}

/** Also of an image that has no name any more. */
export async function readByDigest(paths: StorePaths, digest: string): Promise<ImageManifest | undefined> {
  const path = join(layoutOf(paths).manifests, `${digestFile(digest)}.json`);
  const text = await readTextIfExists(path);
  return text === undefined ? undefined : parsedManifest(path, text);
}

/** By name; one that cannot be read is a problem that stops nobody. */
export async function listManifests(paths: StorePaths): Promise<ImageList> {
  const { names } = layoutOf(paths);
  const images: ImageManifest[] = [];
  const problems: Problem[] = [];
  for (const file of (await filesIn(names)).sort()) {
    const name = file.endsWith('.json') ? decodeName(file.slice(0, -'.json'.length)) : undefined;
    if (name === undefined) continue;
    const path = join(names, file);
    const parsed = parseJson(ImageManifest, (await readTextIfExists(path)) ?? '');
    if (parsed.ok) images.push(parsed.value);
    else
      problems.push({
        path,
        message: `the image ${name} cannot be read: ${parsed.problem}`,
        hint: mend(name),
      });
  }
  return { images, problems };
}

/** The name goes; files go with the next prune, unless a sandbox or another name needs them. */
export async function removeName(paths: StorePaths, name: string): Promise<void> {
  await withLock(paths, STORE_LOCK, { wait: 'wait' }, () => rm(namePath(paths, name), { force: true }));
}

/** Notes that it was seen to boot, wherever this manifest is listed. */
export async function markBooted(paths: StorePaths, image: ImageManifest, at: string): Promise<void> {
  const { manifests } = layoutOf(paths);
  await withLock(paths, STORE_LOCK, { wait: 'wait' }, async () => {
    const places = [namePath(paths, image.name), join(manifests, `${digestFile(image.digest)}.json`)];
    for (const path of places) {
      const known = parseJson(ImageManifest, (await readTextIfExists(path)) ?? '');
      if (!known.ok || known.value.digest !== image.digest) continue;
      await writeAtomic(path, `${JSON.stringify({ ...known.value, booted_at: at }, undefined, 2)}\n`);
    }
  });
}

const Derived = z.object({ files: z.array(ImageFile) });

/** What was made from an image before; `key` names the recipe, in letters, digits and dashes. */
export async function readDerived(
  paths: StorePaths,
  digest: string,
  key: string,
): Promise<readonly ImageFile[] | undefined> {
  const parsed = parseJson(Derived, (await readTextIfExists(derivedPath(paths, digest, key))) ?? '');
  return parsed.ok ? parsed.value.files : undefined;
}

/** The files are blobs of the store already. */
export async function writeDerived(
  paths: StorePaths,
  of: { readonly digest: string; readonly key: string },
  files: readonly ImageFile[],
): Promise<void> {
  const { derived } = layoutOf(paths);
  for (const folder of [paths.images, derived]) await ensureFolder(folder);
  await withLock(paths, STORE_LOCK, { wait: 'wait' }, async () => {
    await writeAtomic(derivedPath(paths, of.digest, of.key), `${JSON.stringify({ files }, undefined, 2)}\n`);
    await unclaim(paths, digestsOf(files));
  });
}

/** Every manifest by digest, named or not; one that cannot be read is no image any more. */
export async function manifestsIn(
  paths: StorePaths,
): Promise<readonly { readonly file: string; readonly image: ImageManifest }[]> {
  const { manifests } = layoutOf(paths);
  const found: { file: string; image: ImageManifest }[] = [];
  for (const file of await filesIn(manifests)) {
    const parsed = parseJson(ImageManifest, (await readTextIfExists(join(manifests, file))) ?? '');
    if (parsed.ok) found.push({ file, image: parsed.value });
  }
  return found;
}

export type DerivedForm = {
  readonly file: string;
  /** Of the image that it was made from. */
  readonly digest: string;
  readonly files: readonly ImageFile[];
};

export async function derivedIn(paths: StorePaths): Promise<readonly DerivedForm[]> {
  const { derived } = layoutOf(paths);
  const found: DerivedForm[] = [];
  for (const file of await filesIn(derived)) {
    const hex = /^sha256-([0-9a-f]{64})\./.exec(file)?.[1];
    const parsed = parseJson(Derived, (await readTextIfExists(join(derived, file))) ?? '');
    if (hex !== undefined)
      found.push({ file, digest: `sha256:${hex}`, files: parsed.ok ? parsed.value.files : [] });
  }
  return found;
}

export async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function namePath(paths: StorePaths, name: string): string {
  return join(layoutOf(paths).names, `${encodeName(name)}.json`);
}

function derivedPath(paths: StorePaths, digest: string, key: string): string {
  return join(layoutOf(paths).derived, `${digestFile(digest)}.${key}.json`);
}

function digestsOf(files: readonly ImageFile[]): readonly string[] {
  return files.map(file => file.digest);
}

function parsedManifest(path: string, text: string): ImageManifest {
  const parsed = parseJson(ImageManifest, text);
  if (parsed.ok) return parsed.value;
  return fail('image-broken', `${path} cannot be read: ${parsed.problem}`, {
    hint: `remove the file and make the image again`,
  });
}

function mend(name: string): string {
  return `remove it with heyvm images rm --force ${name} and make it again`;
}

/** The same text for the same values, whatever the order in which they were set. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

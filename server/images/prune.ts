// Removes what no image and no sandbox needs: files without an image, what dead processes left, unfinished downloads.
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence } from '../platform/files.ts';
import { identify } from '../platform/process.ts';
import { removeTree } from '../platform/removeTree.ts';
import type { ImageManifest } from '../protocol/image.ts';
import { lockHolder, withLock } from '../store/lock.ts';
import type { Paths } from '../store/paths.ts';
import { claimedBlobs } from './claims.ts';
import { digestFile, layoutOf, STORE_LOCK } from './layout.ts';
import { derivedIn, filesIn, listManifests, manifestsIn } from './manifest.ts';
import { encodeName } from './names.ts';
import { readUsage, type Usage } from './usage.ts';

export type Pruned = { readonly what: string; readonly path: string; readonly bytes: number };

export type PruneWish = {
  readonly effect: 'remove' | 'show';
  /** `unused` also takes the names of images from which no sandbox was made. */
  readonly images: 'keep' | 'unused';
  /** What other work left behind: drafts of dead processes and unfinished downloads. */
  readonly leftovers: 'keep' | 'remove';
};

export async function pruneImages(paths: Paths, wish: PruneWish): Promise<readonly Pruned[]> {
  return withLock(paths, STORE_LOCK, { wait: 'wait' }, async () => {
    const usage = await readUsage(paths);
    const { images, problems } = await listManifests(paths);
    const going = wish.images === 'unused' ? images.filter(image => usage.usersOf(image).length === 0) : [];
    const staying = images.filter(image => !going.includes(image));
    const found = [
      ...going.map(image => nameOf(paths, image)),
      // What a manifest that cannot be read needs is not known, so nothing goes that it could need.
      ...(problems.length > 0 ? [] : await unneeded(paths, staying, usage)),
      ...(wish.leftovers === 'keep' ? [] : [...(await abandoned(paths)), ...(await unfinished(paths))]),
    ];
    const removed: Pruned[] = [];
    for (const { what, path } of found) {
      removed.push({ what, path, bytes: await sizeOf(path) });
      if (wish.effect === 'remove') await removeTree(path);
    }
    return removed;
  });
}

type Found = { readonly what: string; readonly path: string };

function nameOf(paths: Paths, image: ImageManifest): Found {
  return { what: `image ${image.name}`, path: join(layoutOf(paths).names, `${encodeName(image.name)}.json`) };
}

async function unneeded(paths: Paths, staying: readonly ImageManifest[], usage: Usage): Promise<Found[]> {
  const { manifests, blobs, stamps, derived } = layoutOf(paths);
  const named = new Set(staying.map(image => image.digest));
  const isLive = (digest: string): boolean => named.has(digest) || usage.mentions(digest);
  const known = await manifestsIn(paths);
  const forms = await derivedIn(paths);
  const live = [...staying, ...known.filter(({ image }) => isLive(image.digest)).map(({ image }) => image)];
  const needed = new Set(await claimedBlobs(paths));
  for (const { files } of [...live, ...forms.filter(({ digest }) => isLive(digest))]) {
    for (const file of files) needed.add(digestFile(file.digest));
  }
  const isNeeded = (file: string): boolean => needed.has(file) || usage.mentions(file.replace('-', ':'));
  const dead = (await filesIn(blobs)).filter(file => !isNeeded(file));
  const stale = (await filesIn(stamps)).filter(file => !isNeeded(file.replace(/\.json$/, '')));
  return [
    ...known
      .filter(({ image }) => !isLive(image.digest))
      .map(({ image, file }) => ({ what: `earlier ${image.name}`, path: join(manifests, file) })),
    ...forms
      .filter(({ digest }) => !isLive(digest))
      .map(({ file }) => ({ what: 'form of an image that is gone', path: join(derived, file) })),
    ...dead.map(file => ({ what: 'file of no image', path: join(blobs, file) })),
    ...stale.map(file => ({ what: 'stamp of no file', path: join(stamps, file) })),
  ];
}

/** Drafts carry the process that made them in their names. */
async function abandoned(paths: Paths): Promise<Found[]> {
  const { incoming } = layoutOf(paths);
  return (await filesIn(incoming))
    .filter(file => {
      const pid = /-([0-9]+)-[0-9a-f]{8}/.exec(file)?.[1];
      return pid === undefined || identify(Number(pid)) === undefined;
    })
    .map(file => ({ what: 'half-made file', path: join(incoming, file) }));
}

/** Not while somebody is downloading. */
async function unfinished(paths: Paths): Promise<Found[]> {
  const busy = (await filesIn(paths.locks))
    .filter(name => name.startsWith('image-'))
    .some(name => lockHolder(paths, name) !== undefined);
  if (busy) return [];
  const { downloads } = layoutOf(paths);
  return (await filesIn(downloads)).map(file => ({
    what: 'unfinished download',
    path: join(downloads, file),
  }));
}

/** Of all files below a folder as well. */
export async function sizeOf(path: string): Promise<number> {
  try {
    const state = await lstat(path);
    if (!state.isDirectory()) return state.size;
    const sizes = await Promise.all((await readdir(path)).map(name => sizeOf(join(path, name))));
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch (error) {
    if (isAbsence(error)) return 0;
    throw error;
  }
}

// A folder for one piece of work on an image, gone with it whether it succeeds, fails or is interrupted.
import { mkdir } from 'node:fs/promises';
import { removeTree } from '../../platform/removeTree.ts';
import { incomingPath } from '../blobs.ts';
import type { StorePaths } from '../layout.ts';

/** Below the store, so that finished files are moved into it without copying. */
export async function withScratch<T>(
  paths: StorePaths,
  kind: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await incomingPath(paths, kind);
  await mkdir(folder, { mode: 0o700 });
  try {
    return await work(folder);
  } finally {
    await removeTree(folder);
  }
}

// Marks of blobs that a living process put in, so that no prune takes them before a manifest names them.
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { ensureFolder, isAbsence, readTextIfExists } from '../platform/files.ts';
import { identifySelf, isSame } from '../platform/process.ts';
import { parseJson } from '../protocol/parse.ts';
import { digestFile, layoutOf, type StorePaths } from './layout.ts';

const Holder = z.object({ pid: z.int(), start_ticks: z.string(), boot_id: z.string() });

/** The caller holds the lock of the store. */
export async function claim(paths: StorePaths, digest: string): Promise<void> {
  const { claims } = layoutOf(paths);
  await ensureFolder(claims);
  await writeFile(claimOf(claims, digest), JSON.stringify(identifySelf()), { mode: 0o600 });
}

/** Once a manifest names them, or nobody will. */
export async function unclaim(paths: StorePaths, digests: readonly string[]): Promise<void> {
  const { claims } = layoutOf(paths);
  for (const digest of digests) await rm(claimOf(claims, digest), { force: true });
}

/** File names of the blobs that living processes hold; marks of dead ones are removed. */
export async function claimedBlobs(paths: StorePaths): Promise<ReadonlySet<string>> {
  const { claims } = layoutOf(paths);
  const held = new Set<string>();
  for (const file of await namesIn(claims)) {
    const holder = parseJson(Holder, (await readTextIfExists(join(claims, file))) ?? '');
    if (holder.ok && isSame(holder.value)) held.add(file.replace(/\.[0-9]+$/, ''));
    else await rm(join(claims, file), { force: true });
  }
  return held;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function claimOf(folder: string, digest: string): string {
  return join(folder, `${digestFile(digest)}.${process.pid}`);
}

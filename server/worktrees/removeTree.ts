// Deletes a folder that a guest wrote: no link is followed, and folders without permissions do not stop it.
import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCodeOf, isAbsence } from '../platform/files.ts';

export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 2 });
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

/** Caches such as Go's make their folders read-only, which keeps their owner from emptying them. */
async function openFolders(path: string): Promise<void> {
  try {
    const state = await lstat(path);
    if (!state.isDirectory()) return;
    if ((state.mode & 0o700) !== 0o700) await chmod(path, (state.mode & 0o7777) | 0o700);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await openFolders(join(path, entry.name));
    }
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

// Removes a folder that a guest could write to, whatever permissions it gave to what is inside.
import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Residue } from '../../core/backend.ts';
import { isAbsence } from '../../platform/files.ts';

/** Follows no link. Empty when nothing is left. */
export async function removeTree(path: string): Promise<readonly Residue[]> {
  try {
    await rm(path, { recursive: true, force: true });
    return [];
  } catch {
    // Most likely a folder that was closed by its own permissions; they are opened for the second try.
    await openFolders(path);
  }
  try {
    await rm(path, { recursive: true, force: true });
    return [];
  } catch (error) {
    return [{ what: `files (${error instanceof Error ? error.message : String(error)})`, path }];
  }
}

async function openFolders(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isDirectory()) return;
    await chmod(path, 0o700);
    for (const name of await readdir(path)) await openFolders(join(path, name));
  } catch (error) {
    // What has vanished or is not ours shows as a residue of the second try.
    if (!isAbsence(error)) return;
  }
}

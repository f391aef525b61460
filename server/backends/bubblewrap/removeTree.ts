// Removes what belongs to a sandbox and says what could not be removed.
import type { Residue } from '../../core/backend.ts';
import { removeTree as remove } from '../../platform/removeTree.ts';

/** Follows no link. Empty when nothing is left. */
export async function removeTree(path: string): Promise<readonly Residue[]> {
  try {
    await remove(path);
    return [];
  } catch (error) {
    return [{ what: `files (${error instanceof Error ? error.message : String(error)})`, path }];
  }
}

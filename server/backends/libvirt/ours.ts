// Folders of ours where everybody may make files: somebody else could have taken the name.
import { lstat } from 'node:fs/promises';
import { isAbsence } from '../../platform/files.ts';

/** Whether it is there and belongs to this person; a link is nobody's folder. */
export async function isOurs(folder: string): Promise<boolean> {
  try {
    const found = await lstat(folder);
    return found.isDirectory() && found.uid === process.getuid?.();
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

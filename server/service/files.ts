// Files of the host that a throwaway begins with: checked before anything is made, copied before its guest starts.
import { chmod, constants, copyFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fail } from '../core/errors.ts';
import type { Paths } from '../store/paths.ts';
import { checkFile } from './folders.ts';

export type FileCopy = { readonly source: string; readonly name: string };

export async function checkFiles(paths: Paths, files: readonly string[]): Promise<readonly FileCopy[]> {
  const copies: FileCopy[] = [];
  for (const path of files) {
    const name = basename(path);
    if (copies.some(known => known.name === name)) {
      fail('usage', `two of the files are named ${name}`, { hint: 'rename one of them' });
    }
    copies.push({ source: await checkFile(paths, path), name });
  }
  return copies;
}

/** Guests may run as somebody else, so everybody inside may read them; what was executable stays so. */
export async function copyFiles(files: readonly FileCopy[], folder: string): Promise<void> {
  for (const { source, name } of files) {
    const target = join(folder, name);
    await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await chmod(target, (await executable(source)) ? 0o755 : 0o644);
  }
}

async function executable(path: string): Promise<boolean> {
  return ((await stat(path)).mode & 0o100) !== 0;
}

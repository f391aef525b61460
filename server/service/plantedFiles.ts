// Reads files of a project that came with a branch, without following what was planted in their way.
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '../core/errors.ts';
import { kindOf, readRegular } from '../worktrees/gitFolder.ts';

const MOST_BYTES = 1024 * 1024;

/** Undefined when there is none; each folder on the way has to be a folder. */
export async function textBelow(folder: string, path: string): Promise<string | undefined> {
  return (await isFolderBelow(folder, dirname(path)))
    ? (await readRegular(join(folder, path), MOST_BYTES))?.toString('utf8')
    : undefined;
}

/** The folders in a folder of the project; none where that is absent. */
export async function foldersBelow(folder: string, path: string): Promise<readonly string[]> {
  if (!(await isFolderBelow(folder, path))) return [];
  const found = await readdir(join(folder, path), { withFileTypes: true });
  return found
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

async function isFolderBelow(folder: string, path: string): Promise<boolean> {
  if (path === '.') return true;
  if (!(await isFolderBelow(folder, dirname(path)))) return false;
  const place = join(folder, path);
  const kind = await kindOf(place);
  if (kind === 'absent') return false;
  if (kind !== 'folder') fail('policy-refused', `${place} is not a folder but a ${kind}`);
  return true;
}

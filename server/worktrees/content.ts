// One side of a changed file: from the repository's objects, or from the worktree without following any link.
import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import { errorCodeOf, isAbsence } from '../platform/files.ts';
import { MOST_SHOWN_BYTES } from '../protocol/reviewMethods.ts';
import { type Host, hostGit, hostGitMaybe } from './hostGit.ts';
import type { Repository } from './repository.ts';

/** A link is told as git keeps it: as what it leads to. Undefined when the commit has no such file. */
export async function contentAt(
  host: Host,
  repository: Repository,
  { commit, path }: { readonly commit: string; readonly path: string },
): Promise<Buffer | undefined> {
  partsOf(path);
  const at = { gitDir: repository.commonDir, cwd: repository.root };
  const object = `${commit}:${path}`;
  if ((await hostGitMaybe(host, ['cat-file', '-t', object], at)) !== 'blob') return undefined;
  const size = Number(await hostGitMaybe(host, ['cat-file', '-s', object], at));
  if (size > MOST_SHOWN_BYTES) tooLarge(path);
  const { stdout } = await hostGit(host, ['cat-file', 'blob', object], { ...at, encoding: 'latin1' });
  return Buffer.from(stdout, 'latin1');
}

/** Each folder on the way is held open, so that a guest that swaps one for a link gains nothing by it. */
export async function contentIn(worktree: string, path: string): Promise<Buffer | undefined> {
  const parts = partsOf(path);
  const leaf = parts.pop() ?? '';
  let folder = await openFolder(worktree);
  let place = worktree;
  try {
    for (const part of parts) {
      if (folder === undefined) return undefined;
      place = `${through(folder, place)}/${part}`;
      const next = await openFolder(place);
      await folder.close();
      folder = next;
    }
    return folder === undefined ? undefined : await readLeaf(`${through(folder, place)}/${leaf}`, path);
  } finally {
    await folder?.close();
  }
}

async function readLeaf(at: string, path: string): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    file = await open(at, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (isAbsence(error)) return undefined;
    if (isLink(error)) return await readlink(at, { encoding: 'buffer' });
    throw error;
  }
  try {
    const state = await file.stat();
    if (!state.isFile()) return undefined;
    if (state.size > MOST_SHOWN_BYTES) tooLarge(path);
    // It may grow while it is read, and no more than this is kept.
    const bytes = Buffer.alloc(state.size);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function openFolder(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);
  try {
    return await open(path, flags);
  } catch (error) {
    if (isAbsence(error) || isLink(error)) return undefined;
    throw error;
  }
}

function isLink(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'ELOOP' || code === 'ENOTDIR';
}

/** Through its handle, a folder stays the one that was opened. */
function through(folder: FileHandle, path: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${folder.fd}` : path;
}

function partsOf(path: string): string[] {
  const parts = path.split('/');
  const odd = parts.some(part => part === '' || part === '.' || part === '..' || part.includes('\0'));
  if (odd) fail('usage', `${JSON.stringify(path)} is no path of a file below the worktree`);
  return parts;
}

function tooLarge(path: string): never {
  return fail('usage', `${path} is larger than ${MOST_SHOWN_BYTES / 1024 / 1024} MiB and is not shown`, {
    hint: 'heyvm wt --diff writes the whole patch',
  });
}

// Copies ignored files that a branch needs, such as .env, from the main worktree into a fresh one.
import { constants } from 'node:fs';
import { copyFile, mkdir, readlink, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { errorCodeOf } from '../platform/files.ts';
import { kindOf, readRegular } from './gitFolder.ts';
import { type Host, hostGit } from './hostGit.ts';

/** In the main worktree; one pattern a line, as in .gitignore. */
const LIST = join('.heyvm', 'include');

export type Included = { readonly copied: readonly string[]; readonly skipped: readonly string[] };

/** Nothing that exists is overwritten, and nothing from outside the main worktree is taken or written. */
export async function copyIncluded(
  host: Host,
  { main, worktree }: { readonly main: string; readonly worktree: string },
  patterns: readonly string[],
): Promise<Included> {
  const copied: string[] = [];
  const skipped: string[] = [];
  for (const name of await namesToCopy(host, main, patterns)) {
    host.signal?.throwIfAborted();
    const done =
      (await mayCopy(main, worktree, name)) && (await copyOne(join(main, name), join(worktree, name), main));
    (done ? copied : skipped).push(name);
  }
  return { copied, skipped };
}

async function namesToCopy(host: Host, main: string, patterns: readonly string[]): Promise<string[]> {
  const list =
    (await readRegular(join(main, LIST), 1024 * 1024).catch(() => undefined))?.toString('utf8') ?? '';
  const all = [...patterns, ...list.split('\n')].filter(line => line.trim() !== '' && !line.startsWith('#'));
  if (all.length === 0) return [];
  const excludes = all.flatMap(pattern => ['--exclude', pattern.replace(/\r$/, '')]);
  const { stdout } = await hostGit(host, ['ls-files', '-z', '--others', '--ignored', ...excludes], {
    cwd: main,
  });
  // A name that is not valid UTF-8 cannot be told apart from its neighbours here, so it stays behind.
  return stdout.split('\0').filter(name => name !== '' && !name.endsWith('/') && !name.includes('\ufffd'));
}

/** Every folder on the way is a real one on both sides; a branch may hold a link where the main worktree has a folder. */
async function mayCopy(main: string, worktree: string, name: string): Promise<boolean> {
  const parts = name.split('/');
  if (isAbsolute(name) || parts.includes('..') || parts.includes('.git')) return false;
  for (let depth = 1; depth < parts.length; depth += 1) {
    const folder = join(...parts.slice(0, depth));
    if ((await kindOf(join(main, folder))) !== 'folder') return false;
    const there = await kindOf(join(worktree, folder));
    if (there === 'absent') await mkdir(join(worktree, folder));
    else if (there !== 'folder') return false;
  }
  return true;
}

async function copyOne(source: string, target: string, main: string): Promise<boolean> {
  const kind = await kindOf(source);
  try {
    if (kind === 'file') {
      await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      return true;
    }
    if (kind !== 'link') return false;
    const to = await readlink(source);
    const way = relative(main, resolve(dirname(source), to));
    if (isAbsolute(to) || way.startsWith('..') || isAbsolute(way)) return false;
    await symlink(to, target);
    return true;
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

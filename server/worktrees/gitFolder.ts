// The files by which a worktree and its repository know each other, read without following anything a guest could plant.
import { constants, lstatSync } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fail } from '../core/errors.ts';
import { isAbsence } from '../platform/files.ts';

export type OwnFolder = {
  readonly commonDir: string;
  /** `<common>/worktrees/<id>` */
  readonly gitDir: string;
  readonly id: string;
};

/** Pointer files and HEADs are one short line. */
const LINE_LIMIT = 8_192;

/** From what a record calls the repository: a main worktree, or the folder of a bare repository. */
export async function commonDirOf(repository: string): Promise<string> {
  const dotGit = join(repository, '.git');
  const kind = await kindOf(dotGit);
  if (kind === 'folder') return realpath(dotGit);
  if (kind === 'file') return realpath(await pointerOf(dotGit));
  if (kind === 'absent' && (await kindOf(join(repository, 'objects'))) === 'folder')
    return realpath(repository);
  return fail('repository-not-found', `${repository} is no longer a git repository`, {
    hint: 'move it back to where it was, or remove the sandbox',
  });
}

/** Checks both directions, so that neither a moved folder nor a forged file is taken for the worktree. */
export async function ownFolderOf(commonDir: string, worktree: string): Promise<OwnFolder> {
  const pointed = await pointerOf(join(worktree, '.git'));
  const id = basename(pointed);
  const gitDir = join(commonDir, 'worktrees', id);
  const parent = await realpath(dirname(pointed)).catch(() => undefined);
  if (parent !== join(commonDir, 'worktrees') || id === '..' || id === '.') {
    broken(worktree, `its .git file does not point into ${join(commonDir, 'worktrees')}`);
  }
  await requireFolder(gitDir);
  const back = await readLine(join(gitDir, 'gitdir'));
  const expected = join(await realpath(worktree), '.git');
  const points = back === undefined ? undefined : resolve(gitDir, back);
  if (points === undefined || (await realDotGit(points)) !== expected) {
    broken(worktree, `${join(gitDir, 'gitdir')} does not point back to it`);
  }
  const common = await readLine(join(gitDir, 'commondir'));
  if (common === undefined || (await realpath(resolve(gitDir, common)).catch(() => '')) !== commonDir) {
    broken(worktree, `${join(gitDir, 'commondir')} does not name ${commonDir}`);
  }
  return { commonDir, gitDir, id };
}

export type Head = { kind: 'branch'; name: string } | { kind: 'commit'; id: string } | { kind: 'broken' };

/** A guest may write anything into its HEAD. */
export async function headOf({ gitDir }: Pick<OwnFolder, 'gitDir'>): Promise<Head> {
  const line = await readLine(join(gitDir, 'HEAD')).catch(() => undefined);
  const branch = /^ref: *refs\/heads\/(.+)$/.exec(line ?? '')?.[1];
  if (branch !== undefined) return { kind: 'branch', name: branch };
  if (line !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(line)) return { kind: 'commit', id: line };
  return { kind: 'broken' };
}

export type FileKind = 'file' | 'folder' | 'link' | 'other' | 'absent';

export async function kindOf(path: string): Promise<FileKind> {
  try {
    const state = lstatSync(path);
    if (state.isSymbolicLink()) return 'link';
    if (state.isDirectory()) return 'folder';
    return state.isFile() ? 'file' : 'other';
  } catch (error) {
    if (isAbsence(error)) return 'absent';
    throw error;
  }
}

export async function requireFolder(path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind !== 'folder') unsafe(path, 'folder', kind);
}

export async function requireFile(path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind !== 'file') unsafe(path, 'file', kind);
}

/** The first line; undefined when there is no such file. Links, pipes and long files are refused. */
export async function readLine(path: string): Promise<string | undefined> {
  const bytes = await readRegular(path, LINE_LIMIT);
  return bytes?.toString('utf8').split('\n')[0]?.replace(/\r$/, '');
}

/** Never waits on a pipe and never follows a link; undefined when there is no such file. */
export async function readRegular(path: string, limit: number): Promise<Buffer | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (isAbsence(error)) return undefined;
    if (await isOdd(path)) unsafe(path, 'file', await kindOf(path));
    throw error;
  }
  try {
    const state = await file.stat();
    if (!state.isFile()) unsafe(path, 'file', 'other');
    if (state.size > limit) fail('worktree-conflict', `${path} is larger than ${limit} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function isOdd(path: string): Promise<boolean> {
  const kind = await kindOf(path);
  return kind === 'link' || kind === 'other';
}

async function pointerOf(file: string): Promise<string> {
  const line = await readLine(file);
  const target = /^gitdir: (.+)$/.exec(line ?? '')?.[1];
  if (target === undefined) {
    fail('worktree-conflict', `${file} is not the file of a git worktree`, {
      hint: 'git worktree list shows the worktrees of a repository; git worktree repair mends moved ones',
    });
  }
  return isAbsolute(target) ? target : resolve(dirname(file), target);
}

async function realDotGit(path: string): Promise<string | undefined> {
  const folder = await realpath(dirname(path)).catch(() => undefined);
  return folder === undefined ? undefined : join(folder, basename(path));
}

function broken(worktree: string, why: string): never {
  return fail('worktree-conflict', `${worktree} is not a sound git worktree: ${why}`, {
    hint: 'git worktree repair mends a worktree that was moved by hand',
  });
}

function unsafe(path: string, wanted: 'file' | 'folder', found: FileKind): never {
  const what = {
    file: 'a file',
    folder: 'a folder',
    link: 'a symbolic link',
    other: 'a special file',
    absent: 'missing',
  };
  return fail('worktree-conflict', `${path} must be ${what[wanted]} and is ${what[found]}`, {
    hint: 'something replaced it, possibly a program in the sandbox; look at it and remove it, then try again',
  });
}

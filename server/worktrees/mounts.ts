// Which parts of a repository's git folder a guest sees, and which of them it can write.
//
// The guest gets a git folder put together for it at the repository's own path, so that git inside and git on the
// host agree on every name:
// * its root is a read-only folder of ours with links into the real git folder, which is mounted read-only below it
//   as `host`. Nothing that the guest adds to the root, such as `commondir` or hooks, can reach the host.
// * `objects`, `refs` and the worktree's own folder are the real ones and writable. What points elsewhere is
//   read-only over them: `objects/info`, `refs/replace`, `commondir`, `gitdir`, `config.worktree`, `.git`.
// * both `logs` folders are private to the guest. Host git appends to a reflog through a symbolic link, with text that
//   the author of a commit chooses, so a shared one would let a guest write a line into any file of the person.
// * `packed-refs` is reached over a chain of links. Git resolves five of them before it makes its lock file, which
//   therefore lies in `locks`, a folder of the guest; without that no ref could be deleted inside. A rewrite of
//   packed refs would hide later ones of the host, so the name of its temporary file is taken.
// A bind mount over a file or folder cannot be renamed or removed inside, and those that could be have such a parent.
import { lstat, mkdir, readdir, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { fail } from '../core/errors.ts';
import { WORKSPACE } from '../core/launch.ts';
import { errorCodeOf, isAbsence } from '../platform/files.ts';
import type { Mount, WorktreeRef } from '../protocol/sandbox.ts';
import {
  commonDirOf,
  kindOf,
  type OwnFolder,
  ownFolderOf,
  readLine,
  readRegular,
  requireFile,
  requireFolder,
} from './gitFolder.ts';

/** To be mounted in this order over the workspace; makes what must exist, and refuses what was tampered with. */
export async function gitMounts(worktree: WorktreeRef): Promise<Mount[]> {
  const { own, path } = await soundWorktree(worktree);
  const { commonDir } = own;
  await checkWritable(own);
  const view = await buildView(own);
  const alternates = await alternatesOf(join(commonDir, 'objects'), 0);
  const at = (...parts: string[]): string => join(commonDir, ...parts);
  const ours = (...parts: string[]): string => join(own.gitDir, ...parts);
  return [
    ro(view.root, commonDir),
    ro(commonDir, at('host')),
    rw(view.locks, at('locks')),
    rw(at('objects')),
    ro(at('objects', 'info')),
    ...alternates.map(folder => ro(folder)),
    rw(at('refs')),
    ro(at('refs', 'replace')),
    rw(view.logs, at('logs')),
    ro(at('worktrees')),
    rw(own.gitDir),
    rw(view.headLogs, ours('logs')),
    ...['commondir', 'gitdir', 'config.worktree'].map(file => ro(ours(file))),
    ...(path === WORKSPACE ? [] : [rw(path), ro(join(path, '.git'))]),
    ro(join(path, '.git'), join(WORKSPACE, '.git')),
  ];
}

/** Refuses one from which a guest could reach the repository or the pointer of another worktree. */
export async function soundWorktree(worktree: WorktreeRef): Promise<{ own: OwnFolder; path: string }> {
  const commonDir = await commonDirOf(worktree.repository);
  const path = await realpath(worktree.path);
  await requireFolder(worktree.path);
  const own = await ownFolderOf(commonDir, path);
  await refuseNesting(own, path);
  return { own, path };
}

export type View = {
  readonly root: string;
  readonly locks: string;
  readonly logs: string;
  readonly headLogs: string;
};

/** Beside the worktrees' own folders and out of every guest's reach. */
export function viewOf({
  commonDir,
  id,
}: Pick<OwnFolder, 'commonDir' | 'id'>): View & { readonly folder: string } {
  const folder = join(commonDir, 'heyvm', id);
  return {
    folder,
    root: join(folder, 'root'),
    locks: join(folder, 'locks'),
    logs: join(folder, 'logs'),
    headLogs: join(folder, 'head-logs'),
  };
}

function ro(source: string, target: string = source): Mount {
  return { source, target, mode: 'ro' };
}

function rw(source: string, target: string = source): Mount {
  return { source, target, mode: 'rw' };
}

/** A guest that could write another worktree's `.git` file would lead host git astray there. */
async function refuseNesting({ commonDir, id }: OwnFolder, path: string): Promise<void> {
  const inside = (other: string): boolean => {
    const way = relative(path, other);
    return way === '' || (!way.startsWith('..') && !isAbsolute(way));
  };
  if (inside(commonDir)) refuse(path, `the git folder ${commonDir} lies inside it`);
  for (const other of await readdir(join(commonDir, 'worktrees'))) {
    if (other === id) continue;
    const folder = join(commonDir, 'worktrees', other);
    const file = await readLine(join(folder, 'gitdir')).catch(() => undefined);
    if (file !== undefined && inside(resolve(folder, file)))
      refuse(path, `another worktree lies inside it: ${file}`);
  }
}

function refuse(path: string, why: string): never {
  return fail('worktree-conflict', `${path} cannot be shared with a sandbox: ${why}`, {
    hint: 'move one of them, or open the branch with another path',
  });
}

/** Whatever is bound is a real file or folder, because an earlier run may have put a link in its place. */
async function checkWritable({ commonDir, gitDir }: OwnFolder): Promise<void> {
  if ((await kindOf(join(commonDir, 'reftable'))) !== 'absent') {
    fail('policy-unenforceable', `${commonDir} keeps its refs as reftable, which cannot be shared in parts`, {
      hint: 'git refs migrate --ref-format=files converts the repository',
    });
  }
  for (const parts of [['objects', 'info'], ['refs', 'replace'], ['logs']])
    await makeFolders(commonDir, parts);
  await requireFolder(join(commonDir, 'worktrees'));
  await requireFolder(gitDir);
  await makeFolders(gitDir, ['logs']);
  for (const file of ['commondir', 'gitdir']) await requireFile(join(gitDir, file));
  const own = join(gitDir, 'config.worktree');
  if ((await kindOf(own)) === 'absent') await writeFile(own, '', { flag: 'wx' });
  await requireFile(own);
}

async function makeFolders(base: string, parts: readonly string[]): Promise<void> {
  let folder = base;
  for (const part of parts) {
    folder = join(folder, part);
    if ((await kindOf(folder)) === 'absent') await mkdir(folder).catch(ignoreExisting);
    await requireFolder(folder);
  }
}

/** What git looks for in a common folder and may only read. */
const linked = [
  'config',
  'HEAD',
  'hooks',
  'info',
  'shallow',
  'modules',
  'lfs',
  'annex',
  'description',
] as const;
const mounted = ['host', 'locks', 'objects', 'refs', 'logs', 'worktrees'] as const;

/** May be repeated while another guest uses it: nothing that is right is touched. */
async function buildView(own: OwnFolder): Promise<View> {
  const view = viewOf(own);
  await makeFolders(own.commonDir, ['heyvm', own.id]);
  for (const part of ['root', 'locks', 'logs', 'head-logs']) await makeFolders(view.folder, [part]);
  for (const name of mounted) await makeFolders(view.root, [name]);
  for (const name of linked) await ensureLink(join(view.root, name), `host/${name}`);
  await ensureLink(join(view.root, 'packed-refs'), 'locks/1');
  await fillLocks(view.locks);
  return view;
}

async function fillLocks(folder: string): Promise<void> {
  const links = new Map([1, 2, 3, 4].map(number => [String(number), String(number + 1)]));
  links.set('5', '../host/packed-refs');
  for (const name of await readdir(folder)) {
    if (!links.has(name) && name !== '5.new') await rm(join(folder, name), { recursive: true, force: true });
  }
  for (const [name, target] of links) await ensureLink(join(folder, name), target);
  if ((await kindOf(join(folder, '5.new'))) !== 'file') {
    await rm(join(folder, '5.new'), { recursive: true, force: true });
    await writeFile(join(folder, '5.new'), '', { flag: 'wx' });
  }
}

async function ensureLink(path: string, target: string): Promise<void> {
  const known = await readlink(path).catch(() => undefined);
  if (known === target) return;
  await rm(path, { recursive: true, force: true });
  await symlink(target, path).catch(ignoreExisting);
}

function ignoreExisting(error: unknown): void {
  if (errorCodeOf(error) !== 'EEXIST') throw error;
}

/** Objects that the repository borrows from others; the file that names them cannot be written inside. */
export async function alternatesOf(objects: string, depth: number): Promise<string[]> {
  const bytes = await readRegular(join(objects, 'info', 'alternates'), 65_536);
  if (bytes === undefined || depth > 4) return [];
  const found: string[] = [];
  for (const line of bytes.toString('utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const folder = resolve(objects, line);
    if (!(await isFolder(folder))) continue;
    found.push(folder, ...(await alternatesOf(folder, depth + 1)));
  }
  return [...new Set(found)];
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

// Merges a branch into the one that is checked out in the main worktree: computed first, and a conflict changes nothing.
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { errorCodeOf } from '../platform/files.ts';
import type { MergeResult } from '../protocol/worktree.ts';
import { kindOf } from './gitFolder.ts';
import { type Host, hostGit, hostGitLine, hostGitMaybe } from './hostGit.ts';
import { placeOf, requireCommitter } from './mainPlace.ts';
import type { Repository } from './repository.ts';

/** The caller holds the lock of this repository; `tip` is where the branch stands when the host's does not. */
export async function mergeBranch(
  host: Host,
  repository: Repository,
  branch: string,
  tip?: string | undefined,
): Promise<MergeResult> {
  const { main, into, theirs, ours } = await placeOf(host, { repository, branch, tip }, 'merge into');
  const merge: Merge = { repository, main, into, branch, ours, theirs };
  if (await isAncestor(host, merge, theirs, ours)) return { branch, into, commit: ours, kind: 'up-to-date' };
  await refuseBusy(repository);
  const forward = await isAncestor(host, merge, ours, theirs);
  if (!forward) await requireCommitter(host, merge);
  const tree = forward ? `${theirs}^{tree}` : await mergedTree(host, merge);
  await refuseDirty(host, merge, tree);
  const commit = forward ? theirs : await commitMerge(host, merge, tree);
  await moveMain(host, merge, commit);
  return { branch, into, commit, kind: forward ? 'fast-forward' : 'merge' };
}

export type Merge = {
  readonly repository: Repository;
  readonly main: string;
  readonly into: string;
  readonly branch: string;
  readonly ours: string;
  readonly theirs: string;
};

export async function isAncestor(
  host: Host,
  { main }: Pick<Merge, 'main'>,
  ancestor: string,
  of: string,
): Promise<boolean> {
  const { code } = await hostGit(host, ['merge-base', '--is-ancestor', ancestor, of], {
    cwd: main,
    accept: [0, 1],
  });
  return code === 0;
}

/** A merge, rebase or pick that somebody left unfinished would be mixed up with this one. */
export async function refuseBusy({ commonDir, main }: Repository): Promise<void> {
  for (const file of ['MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'rebase-merge', 'rebase-apply']) {
    if ((await kindOf(join(commonDir, file))) === 'absent') continue;
    fail('worktree-conflict', `another merge, rebase or pick is unfinished in ${main}`, {
      hint: `git -C ${main} status says how to end it`,
    });
  }
}

/** Needs git 2.38; nothing but objects is written. `theirs` need not be the tip of the branch. */
export async function mergedTree(
  host: Host,
  { main, ours, theirs, branch, into }: Pick<Merge, 'main' | 'ours' | 'theirs' | 'branch' | 'into'>,
  hint = `merge ${into} into ${branch} inside the sandbox, resolve it there, and merge again`,
): Promise<string> {
  const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs];
  const { code, stdout, stderr } = await hostGit(host, args, { cwd: main, accept: 'any' });
  const [tree = '', ...files] = stdout.split('\0').filter(part => part !== '');
  if (code === 0) return tree;
  if (code === 1) {
    fail(
      'worktree-conflict',
      `${branch} and ${into} changed the same places of ${files.map(quoted).join(', ')}`,
      { hint, data: { files } },
    );
  }
  return fail('command-failed', `git cannot merge ${branch} into ${into}: ${stderr.trim()}`, {
    hint: 'merging needs git 2.38 or newer on the host',
  });
}

/** Before anything moves: no file of the merge has changes, and none that git does not know is in its way. */
export async function refuseDirty(
  host: Host,
  { main, ours }: Pick<Merge, 'main' | 'ours'>,
  tree: string,
): Promise<void> {
  const at = { cwd: main };
  await hostGit(host, ['update-index', '-q', '--refresh'], { ...at, accept: 'any' });
  const plain = ['--no-renames', '--name-only', '--no-ext-diff', '--no-textconv', '--ignore-submodules=all'];
  const names = async (args: readonly string[]): Promise<string[]> =>
    (await hostGit(host, args, at)).stdout.split('\n').filter(name => name !== '');
  const concerned = await names(['diff-tree', '-r', ...plain, ours, tree]);
  const dirty = new Set(await names(['diff-index', ...plain, ours, '--']));
  const added = await names(['diff-tree', '-r', '--diff-filter=A', ...plain, ours, tree]);
  const tracked = new Set(await names(['ls-tree', '-r', '--name-only', '--full-tree', ours]));
  const inTheWay: string[] = concerned.filter(name => dirty.has(name));
  for (const name of added) {
    if (!dirty.has(name) && (await isOccupied(main, name, tracked))) inTheWay.push(name);
  }
  if (inTheWay.length === 0) return;
  const files = inTheWay.map(name => unquote(name).toString('utf8'));
  fail(
    'worktree-conflict',
    `the main worktree has changes in files that the merge concerns: ${files.map(quoted).join(', ')}`,
    {
      hint: `commit or stash them in ${main}, or move untracked files away, and merge again`,
      data: { files },
    },
  );
}

/** Something that is not tracked lies where a new file goes, or where one of its folders goes. */
async function isOccupied(main: string, name: string, tracked: ReadonlySet<string>): Promise<boolean> {
  const parts = splitBytes(unquote(name));
  let path = Buffer.from(main);
  let seen = '';
  for (const [index, part] of parts.entries()) {
    path = Buffer.concat([path, Buffer.from('/'), part]);
    seen = index === 0 ? part.toString('latin1') : `${seen}/${part.toString('latin1')}`;
    try {
      const state = await lstat(path);
      const leaf = index === parts.length - 1;
      if (!leaf && state.isDirectory()) continue;
      if (leaf && state.isDirectory()) return !hasBelow(tracked, seen);
      return !tracked.has(seen);
    } catch (error) {
      if (errorCodeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
  return false;
}

function hasBelow(tracked: ReadonlySet<string>, folder: string): boolean {
  for (const name of tracked) if (name.startsWith(`${folder}/`)) return true;
  return false;
}

async function commitMerge(
  host: Host,
  { main, branch, into, ours, theirs }: Merge,
  tree: string,
): Promise<string> {
  const message = `Merge branch '${branch}' into ${into}`;
  return hostGitLine(host, ['commit-tree', tree, '-p', ours, '-p', theirs, '-m', message], { cwd: main });
}

const CHECKOUT_MS = 30 * 60_000;

/** Files first, then the ref: when it is cut off between them, git shows the merge as staged and nothing is lost. */
export async function moveMain(
  host: Host,
  { repository, main, into, branch, ours }: Omit<Merge, 'theirs'>,
  commit: string,
): Promise<void> {
  await refuseLinkedRef(repository, into);
  const at = { cwd: main, timeoutMs: CHECKOUT_MS };
  await hostGit(host, ['read-tree', '-m', '-u', ours, commit], at);
  const moved = await hostGitMaybe(
    host,
    ['update-ref', '-m', `merge ${branch}`, `refs/heads/${into}`, commit, ours],
    { cwd: main },
  );
  if (moved !== undefined) return;
  await hostGit(host, ['read-tree', '-m', '-u', commit, ours], at);
  fail('worktree-conflict', `branch ${into} moved while ${branch} was being merged`, { hint: 'merge again' });
}

/** Refs are writable inside, and a link among them would send the write elsewhere. */
async function refuseLinkedRef({ commonDir }: Repository, branch: string): Promise<void> {
  let path = commonDir;
  for (const part of ['refs', 'heads', ...branch.split('/')]) {
    path = join(path, part);
    const kind = await kindOf(path);
    if (kind === 'link' || kind === 'other') {
      fail('worktree-conflict', `${path} is not a plain file or folder`, {
        hint: 'a program in a sandbox may have replaced it; look at it and remove it',
      });
    }
  }
}

const escapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '"': 34,
  '\\': 92,
};

/** Git quotes names with unusual bytes like C; the bytes come back exactly. */
function unquote(name: string): Buffer {
  if (!name.startsWith('"')) return Buffer.from(name);
  const bytes: number[] = [];
  for (const [, octal, letter, plain] of name.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\])/gs)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(escapes[letter] ?? letter.charCodeAt(0));
    else bytes.push(...Buffer.from(plain ?? ''));
  }
  return Buffer.from(bytes);
}

function splitBytes(name: Buffer): Buffer[] {
  return name
    .toString('latin1')
    .split('/')
    .map(part => Buffer.from(part, 'latin1'));
}

function quoted(name: string): string {
  return JSON.stringify(name);
}

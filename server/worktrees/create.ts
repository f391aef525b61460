// Makes the worktree of a branch, and the branch when it is missing; what exists is reused, what was half made is redone.
import { mkdir, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fail } from '../core/errors.ts';
import { removeTree } from '../platform/removeTree.ts';
import { branchTip, checkBranchName } from './branches.ts';
import { kindOf, ownFolderOf } from './gitFolder.ts';
import { type Host, hostGit, hostGitMaybe } from './hostGit.ts';
import { copyIncluded } from './include.ts';
import { readNote, removeNote, writeNote } from './making.ts';
import { setAsidePrivate } from './privateFolder.ts';
import { dropRegistration, finishRemoval } from './remove.ts';
import { commitOf, listRegistered, type Registered, type Repository } from './repository.ts';

export type WorktreeRequest = {
  readonly branch: string;
  /** Where a new worktree goes, absolute. */
  readonly path: string;
  /** Where a new branch starts; HEAD of the main worktree when left out. */
  readonly from?: string | undefined;
  /** Ignored files to copy, besides the list in the repository. */
  readonly include: readonly string[];
};

/** A large tree on a slow disk takes its time. */
const CHECKOUT_MS = 30 * 60_000;

export type Made = {
  readonly branch: string;
  readonly path: string;
  /** Where the branch stood when it was checked out. */
  readonly tip?: string | undefined;
  readonly created: { readonly branch: boolean; readonly worktree: boolean };
};

/** The caller holds the lock of this repository. */
export async function ensureWorktree(
  host: Host,
  repository: Repository,
  request: WorktreeRequest,
): Promise<Made> {
  const { branch } = request;
  await checkBranchName(host, branch);
  await tidyUp(host, repository, branch);
  const registered = await listRegistered(repository);
  const existing = registered.find(entry => entry.branch === branch);
  if (existing !== undefined && (await isUsable(repository, existing))) {
    // Copying is repeated only for a worktree whose making was interrupted after git had done its part.
    if ((await readNote(repository, branch)) !== undefined)
      await complete(host, repository, request, existing.path);
    return { branch, path: existing.path, created: { branch: false, worktree: false } };
  }
  const others = registered.filter(entry => entry !== existing);
  const path = await checkPlace(request.path, others);
  const start = await startOf(host, repository, request);
  await writeNote(repository, { kind: 'making', branch, path });
  try {
    await addWorktree(host, repository, { branch, path, start });
    await setAsidePrivate(await ownFolderOf(repository.commonDir, path));
    await complete(host, repository, request, path);
  } catch (error) {
    // Cancelled or failed, nothing of it stays; the signal of the call must not stop the tidying.
    const free = { run: host.run, env: host.env };
    await clearHalfMade(repository, path);
    if (start.kind !== 'exists') await deleteBranch(free, repository, { branch, tip: start.commit });
    await removeNote(repository, branch);
    throw error;
  }
  const tip = start.kind === 'exists' ? await branchTip(host, repository, branch) : start.commit;
  return { branch, path, tip, created: { branch: start.kind !== 'exists', worktree: true } };
}

/** Only as long as it still stands where it was made. */
export async function deleteBranch(
  host: Host,
  repository: Repository,
  { branch, tip }: { readonly branch: string; readonly tip: string },
): Promise<void> {
  await hostGitMaybe(host, ['update-ref', '-d', `refs/heads/${branch}`, tip], {
    gitDir: repository.commonDir,
    cwd: repository.root,
  });
}

async function complete(
  host: Host,
  repository: Repository,
  request: WorktreeRequest,
  path: string,
): Promise<void> {
  const { main } = repository;
  if (main !== undefined) await copyIncluded(host, { main, worktree: path }, request.include);
  await removeNote(repository, request.branch);
}

/** Whether it can be used as it is; one whose folder is gone is taken out of git's list. */
async function isUsable(repository: Repository, existing: Registered): Promise<boolean> {
  if (existing.kind === 'main') {
    fail(
      'worktree-conflict',
      `branch ${existing.branch} is checked out in the main worktree ${existing.path}`,
      {
        hint: 'check out another branch there, or name another branch',
      },
    );
  }
  const kind = await kindOf(existing.path);
  if (kind !== 'absent') {
    await ownFolderOf(repository.commonDir, existing.path);
    return true;
  }
  if (existing.locked !== undefined) {
    fail('worktree-conflict', `the worktree ${existing.path} is locked and its folder is not there`, {
      hint: 'mount what holds it, or git worktree unlock it',
    });
  }
  await dropRegistration(repository, existing.path);
  return false;
}

async function checkPlace(asked: string, registered: readonly Registered[]): Promise<string> {
  await mkdir(dirname(asked), { recursive: true });
  const path = join(await realpath(dirname(asked)), basename(asked));
  for (const { path: other, kind } of registered) {
    const way = relative(other, path);
    if (kind === 'linked' && (way === '' || (!way.startsWith('..') && !isAbsolute(way)))) {
      fail('worktree-conflict', `${path} lies in another worktree, ${other}`, {
        hint: 'choose another path',
      });
    }
  }
  const kind = await kindOf(path);
  if (kind === 'absent' || (kind === 'folder' && (await readdir(path)).length === 0)) return path;
  return fail('worktree-conflict', `${path} exists and is not the worktree of this branch`, {
    hint: 'choose another path, move it away, or set worktree_path in the settings',
    data: { path },
  });
}

type Start =
  | { kind: 'exists' }
  | { kind: 'new'; commit: string }
  | { kind: 'track'; commit: string; ref: string };

async function startOf(
  host: Host,
  repository: Repository,
  { branch, from }: Pick<WorktreeRequest, 'branch' | 'from'>,
): Promise<Start> {
  if ((await branchTip(host, repository, branch)) !== undefined) return { kind: 'exists' };
  if (from !== undefined) {
    const commit = await commitOf(host, repository, from);
    if (commit !== undefined) return { kind: 'new', commit };
    return fail('branch-not-found', `${JSON.stringify(from)} names no commit`, {
      hint: 'heyvm wt --list and git branch --all show what a branch can start from',
    });
  }
  const ref = await remoteOf(host, repository, branch);
  if (ref !== undefined) {
    const commit = await commitOf(host, repository, ref);
    if (commit !== undefined) return { kind: 'track', commit, ref };
  }
  const commit = await commitOf(host, repository, 'HEAD');
  if (commit !== undefined) return { kind: 'new', commit };
  return fail('branch-not-found', `${repository.root} has no commit to start a branch from`, {
    hint: 'make a first commit',
  });
}

/** As git does it: a branch that exactly one remote has is meant. */
async function remoteOf(host: Host, repository: Repository, branch: string): Promise<string | undefined> {
  const at = { gitDir: repository.commonDir, cwd: repository.root };
  const remotes = ((await hostGitMaybe(host, ['remote'], at)) ?? '').split('\n').filter(name => name !== '');
  const refs: { remote: string; ref: string }[] = [];
  for (const remote of remotes) {
    const ref = `refs/remotes/${remote}/${branch}`;
    if ((await commitOf(host, repository, ref)) !== undefined) refs.push({ remote, ref });
  }
  if (refs.length <= 1) return refs[0]?.ref;
  const preferred = await hostGitMaybe(host, ['config', '--get', 'checkout.defaultRemote'], at);
  const chosen = refs.find(({ remote }) => remote === preferred);
  if (chosen !== undefined) return chosen.ref;
  const names = refs.map(({ remote }) => `${remote}/${branch}`);
  return fail('branch-not-found', `several remotes have the branch ${branch}: ${names.join(', ')}`, {
    hint: `say which with --from ${names[0]}`,
  });
}

type Adding = { readonly branch: string; readonly path: string; readonly start: Start };

async function addWorktree(
  host: Host,
  repository: Repository,
  { branch, path, start }: Adding,
): Promise<void> {
  const at = { gitDir: repository.commonDir, cwd: repository.root };
  const how = {
    exists: () => [path, branch],
    new: (commit: string) => ['--no-track', '-b', branch, path, commit],
    track: (ref: string) => ['--track', '-b', branch, path, ref],
  };
  const args =
    start.kind === 'exists'
      ? how.exists()
      : start.kind === 'new'
        ? how.new(start.commit)
        : how.track(start.ref.slice('refs/remotes/'.length));
  await hostGit(host, ['-c', 'worktree.guessRemote=false', 'worktree', 'add', '--quiet', ...args], {
    ...at,
    timeoutMs: CHECKOUT_MS,
  });
}

/** Finishes what an earlier command began for this branch and could not end. */
async function tidyUp(host: Host, repository: Repository, branch: string): Promise<void> {
  const note = await readNote(repository, branch);
  if (note === undefined) return;
  if (note.kind === 'removing') {
    await finishRemoval(repository, note);
    return;
  }
  if (await becomesWhole(host, repository, note.path)) return;
  await clearHalfMade(repository, note.path);
  await removeNote(repository, branch);
}

const LOOKS = 20;
const BETWEEN_LOOKS_MS = 150;

/** A git that outlived the command that started it is still at work, and ends soon or never. */
async function becomesWhole(host: Host, repository: Repository, path: string): Promise<boolean> {
  for (let look = 1; ; look += 1) {
    const known = (await listRegistered(repository)).find(entry => entry.path === path);
    if (known === undefined) return false;
    if (known.locked === undefined && (await hasIndex(repository, path))) return true;
    if (look === LOOKS) return false;
    await wait(BETWEEN_LOOKS_MS, undefined, host.signal === undefined ? {} : { signal: host.signal });
  }
}

/** Git writes the index at the end of the checkout. */
async function hasIndex({ commonDir }: Repository, path: string): Promise<boolean> {
  const own = await ownFolderOf(commonDir, path).catch(() => undefined);
  return own !== undefined && (await kindOf(join(own.gitDir, 'index'))) === 'file';
}

/** Nobody worked in it yet: its making never came to an end. */
async function clearHalfMade(repository: Repository, path: string): Promise<void> {
  await removeTree(path);
  await dropRegistration(repository, path);
}

// Which repository, worktree and sandbox a call about a branch means.
import { realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { fail } from '../core/errors.ts';
import type { Entry } from '../store/sandboxes.ts';
import { branchTip, checkBranchName } from '../worktrees/branches.ts';
import { ownFolderOf } from '../worktrees/gitFolder.ts';
import type { Host } from '../worktrees/hostGit.ts';
import { findRepository, listRegistered, type Repository } from '../worktrees/repository.ts';
import type { Target } from '../worktrees/status.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

export type Place = { readonly host: Host; readonly repository: Repository };
export type Asked = { readonly cwd: string; readonly branch: string };

export async function placeOf(
  deps: ServiceDeps,
  { cwd, branch }: Asked,
  context: CallContext,
): Promise<Place> {
  const place = await repositoryAt(deps, cwd, context);
  await checkBranchName(place.host, branch);
  return place;
}

/** A folder inside a sandbox's worktree stands for that worktree's repository, whatever a guest put there. */
export async function repositoryAt(
  deps: ServiceDeps,
  cwd: string,
  { signal, agent }: CallContext,
): Promise<Place> {
  const host: Host = { run: deps.run, env: deps.env, signal, offline: agent !== undefined };
  const here = await realpath(cwd).catch(() => cwd);
  const { entries } = await deps.sandboxes.list();
  const around = entries.find(({ record: { worktree } }) => {
    if (worktree === undefined) return false;
    const way = relative(worktree.path, here);
    return !isAbsolute(way) && way !== '..' && !way.startsWith('../');
  });
  return { host, repository: await findRepository(host, around?.record.worktree?.repository ?? cwd) };
}

export type Found = Place & { readonly path: string; readonly entry: Entry | undefined };

export async function find(deps: ServiceDeps, asked: Asked, context: CallContext): Promise<Found> {
  const { host, repository } = await placeOf(deps, asked, context);
  const entry = await entryOf(deps, repository, asked.branch);
  const registered = await listRegistered(repository);
  const path = entry?.record.worktree?.path ?? registered.find(known => known.branch === asked.branch)?.path;
  if (path !== undefined) return { host, repository, path, entry };
  if ((await branchTip(host, repository, asked.branch)) === undefined) {
    fail('branch-not-found', `there is no branch ${JSON.stringify(asked.branch)} in ${repository.root}`);
  }
  return fail('path-not-found', `branch ${asked.branch} has no worktree`, {
    hint: `heyvm wt ${asked.branch} makes one`,
  });
}

export async function entryOf(
  deps: ServiceDeps,
  { root }: Repository,
  branch: string,
): Promise<Entry | undefined> {
  const { entries } = await deps.sandboxes.list();
  return entries.find(
    ({ record: { worktree } }) => worktree?.repository === root && worktree.branch === branch,
  );
}

export type WithTarget = { readonly host: Host; readonly target: Target; readonly entry: Entry | undefined };

export async function targetOf(deps: ServiceDeps, asked: Asked, context: CallContext): Promise<WithTarget> {
  const { host, repository, path, entry } = await find(deps, asked, context);
  if (path === repository.root) {
    fail('worktree-conflict', `branch ${asked.branch} is checked out in the main worktree ${path}`);
  }
  const own = await ownFolderOf(repository.commonDir, path);
  return { host, entry, target: { repository, own, worktree: path, branch: asked.branch } };
}

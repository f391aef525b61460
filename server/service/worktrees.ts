// The methods about worktrees: which branch, where it lives, and what its sandbox is.
import { realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { fail, SandboxError, toSandboxError } from '../core/errors.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { SandboxId } from '../protocol/sandbox.ts';
import type { WorktreeInfo } from '../protocol/worktree.ts';
import { withLock } from '../store/lock.ts';
import type { Entry } from '../store/sandboxes.ts';
import { branchTip, checkBranchName, currentBranch, listBranches } from '../worktrees/branches.ts';
import { diffOf } from '../worktrees/diff.ts';
import { commonDirOf, kindOf, ownFolderOf } from '../worktrees/gitFolder.ts';
import { hazardsOf } from '../worktrees/hazards.ts';
import type { Host } from '../worktrees/hostGit.ts';
import { type Inside, insideOf } from '../worktrees/inside.ts';
import { mergeBranch } from '../worktrees/merge.ts';
import { dropRegistration, finishRemoval, refuseUnsaved, removeWorktree } from '../worktrees/remove.ts';
import { findRepository, listRegistered, type Repository } from '../worktrees/repository.ts';
import type { Target } from '../worktrees/status.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { branchLock, openWorktree, repositoryLock } from './worktreeOpen.ts';

type Methods = Extract<keyof HelperContract, `worktree/${string}`>;

export function worktreeHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  return {
    'worktree/open': async (params, context) => {
      const place = await placeOf(deps, params, context);
      const { entry, created } = await openWorktree(deps, { ...params, ...place }, context);
      return { sandbox: deps.sandboxes.toInfo(entry), worktree: await infoOf(deps, entry), created };
    },
    'worktree/branches': async ({ cwd }, context) => {
      const { host, repository } = await repositoryAt(deps, cwd, context);
      const current = repository.main === undefined ? undefined : await currentBranch(host, repository);
      const branches = await listBranches(host, repository);
      return { repository: repository.root, ...(current === undefined ? {} : { current }), branches };
    },
    'worktree/list': async ({ cwd }, context) => {
      const root = cwd === undefined ? undefined : await rootAt(deps, cwd, context);
      const { entries } = await deps.sandboxes.list();
      const shown = entries.filter(
        ({ record: { worktree } }) =>
          worktree !== undefined && (root === undefined || worktree.repository === root),
      );
      return { worktrees: await Promise.all(shown.map(entry => infoOf(deps, entry))) };
    },
    'worktree/remove': async (params, context) => removeBranchWorktree(deps, params, context),
    'worktree/diff': async ({ base, stat, ...params }, context) => {
      const { host, target, entry } = await targetOf(deps, params, context);
      const inside = await insideOfEntry(entry, context);
      return diffOf(host, target, { base, format: stat === true ? 'stat' : 'patch' }, inside);
    },
    'worktree/merge': async (params, context) => {
      const { host, repository } = await placeOf(deps, params, context);
      const options = { wait: 'wait', signal: context.signal } as const;
      return withLock(deps.paths, repositoryLock(repository), options, () =>
        mergeBranch(host, repository, params.branch),
      );
    },
  };
}

type Place = { readonly host: Host; readonly repository: Repository };
type Asked = { readonly cwd: string; readonly branch: string };

async function placeOf(deps: ServiceDeps, { cwd, branch }: Asked, context: CallContext): Promise<Place> {
  const place = await repositoryAt(deps, cwd, context);
  await checkBranchName(place.host, branch);
  return place;
}

/** A folder inside a sandbox's worktree stands for that worktree's repository, whatever a guest put there. */
async function repositoryAt(deps: ServiceDeps, cwd: string, { signal }: CallContext): Promise<Place> {
  const host: Host = { run: deps.run, env: deps.env, signal };
  const here = await realpath(cwd).catch(() => cwd);
  const { entries } = await deps.sandboxes.list();
  const around = entries.find(({ record: { worktree } }) => {
    if (worktree === undefined) return false;
    const way = relative(worktree.path, here);
    return !isAbsolute(way) && way !== '..' && !way.startsWith('../');
  });
  return { host, repository: await findRepository(host, around?.record.worktree?.repository ?? cwd) };
}

/** Outside of every repository all worktrees are meant. */
async function rootAt(deps: ServiceDeps, cwd: string, context: CallContext): Promise<string | undefined> {
  try {
    return (await repositoryAt(deps, cwd, context)).repository.root;
  } catch (error) {
    if (error instanceof SandboxError && error.code === 'repository-not-found') return undefined;
    throw error;
  }
}

async function infoOf({ sandboxes }: ServiceDeps, entry: Entry): Promise<WorktreeInfo> {
  const { worktree } = entry.record;
  if (worktree === undefined) fail('internal', `sandbox ${entry.record.name} has no worktree`);
  const warnings = await warningsOf(worktree);
  return { ...worktree, sandbox: sandboxes.toInfo(entry), ...(warnings.length === 0 ? {} : { warnings }) };
}

async function warningsOf({ repository, path }: { repository: string; path: string }): Promise<string[]> {
  try {
    return await hazardsOf(await ownFolderOf(await commonDirOf(repository), path), path);
  } catch (error) {
    // A list must show what is broken, not fail with it.
    return [toSandboxError(error).message];
  }
}

type Found = Place & { readonly path: string; readonly entry: Entry | undefined };

async function find(deps: ServiceDeps, asked: Asked, context: CallContext): Promise<Found> {
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

async function entryOf(deps: ServiceDeps, { root }: Repository, branch: string): Promise<Entry | undefined> {
  const { entries } = await deps.sandboxes.list();
  return entries.find(
    ({ record: { worktree } }) => worktree?.repository === root && worktree.branch === branch,
  );
}

type WithTarget = { readonly host: Host; readonly target: Target; readonly entry: Entry | undefined };

async function targetOf(deps: ServiceDeps, asked: Asked, context: CallContext): Promise<WithTarget> {
  const { host, repository, path, entry } = await find(deps, asked, context);
  if (path === repository.root) {
    fail('worktree-conflict', `branch ${asked.branch} is checked out in the main worktree ${path}`);
  }
  const own = await ownFolderOf(repository.commonDir, path);
  return { host, entry, target: { repository, own, worktree: path, branch: asked.branch } };
}

/** Git runs inside wherever something runs inside. */
async function insideOfEntry(entry: Entry | undefined, { signal }: CallContext): Promise<Inside | undefined> {
  if (entry?.owner?.state !== 'running') return undefined;
  const { connectOwner } = await import('../owner/connect.ts');
  return insideOf(connectOwner(entry).guest, signal);
}

type RemoveParams = Asked & { readonly force?: boolean | undefined };
type Removed = { path: string; sandbox?: SandboxId };

async function removeBranchWorktree(
  deps: ServiceDeps,
  params: RemoveParams,
  context: CallContext,
): Promise<Removed> {
  const { repository } = await placeOf(deps, params, context);
  const options = { wait: 'wait', signal: context.signal } as const;
  return withLock(deps.paths, branchLock(repository, params.branch), options, async () => {
    const found = await find(deps, params, context);
    if (found.path === repository.root) {
      fail('worktree-conflict', `branch ${params.branch} is checked out in the main worktree, which stays`);
    }
    const target = await soundTarget(found, params);
    if (target !== undefined && params.force !== true) {
      context.progress({ phase: 'checking for unsaved work' });
      await refuseUnsaved(found.host, target, await insideOfEntry(found.entry, context));
    }
    const id = found.entry?.record.id;
    if (id !== undefined) await deps.sandboxes.remove(id, { force: true }, context);
    context.progress({ phase: 'removing the worktree' });
    await withLock(deps.paths, repositoryLock(repository), options, () =>
      discard(found, params.branch, target),
    );
    return { path: found.path, ...(id === undefined ? {} : { sandbox: id }) };
  });
}

/** Undefined when there is nothing to lose: its folder is gone, or force was asked for something broken. */
async function soundTarget(
  { repository, path }: Found,
  { branch, force }: RemoveParams,
): Promise<Target | undefined> {
  if ((await kindOf(path)) === 'absent') return undefined;
  try {
    return { repository, branch, worktree: path, own: await ownFolderOf(repository.commonDir, path) };
  } catch (error) {
    if (force === true) return undefined;
    throw error;
  }
}

async function discard(
  { repository, path }: Found,
  branch: string,
  target: Target | undefined,
): Promise<void> {
  if (target !== undefined) return removeWorktree(target);
  if ((await kindOf(path)) === 'absent') return dropRegistration(repository, path);
  return finishRemoval(repository, { kind: 'removing', branch, path });
}

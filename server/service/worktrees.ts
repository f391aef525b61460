// The methods about worktrees: which branch, where it lives, and what its sandbox is.
import { fail, SandboxError, toSandboxError } from '../core/errors.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { SandboxId } from '../protocol/sandbox.ts';
import type { WorktreeInfo } from '../protocol/worktree.ts';
import { withLock } from '../store/lock.ts';
import type { Entry } from '../store/sandboxes.ts';
import { currentBranch, listBranches } from '../worktrees/branches.ts';
import { diffOf } from '../worktrees/diff.ts';
import { commonDirOf, kindOf, ownFolderOf } from '../worktrees/gitFolder.ts';
import { hazardsOf } from '../worktrees/hazards.ts';
import { mergeBranch } from '../worktrees/merge.ts';
import { refuseOwnPrograms } from '../worktrees/ownPrograms.ts';
import { dropRegistration, finishRemoval, refuseUnsaved, removeWorktree } from '../worktrees/remove.ts';
import type { Target } from '../worktrees/status.ts';
import { refuseOutside } from './agentFolders.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { importInto, insideOfEntry, lookInside, withHead } from './worktreeInside.ts';
import { branchLock, openWorktree, repositoryLock } from './worktreeOpen.ts';
import { pickHandlers, tipOf } from './worktreePick.ts';
import { reviewHandlers } from './worktreeReview.ts';
import { type Asked, type Found, find, placeOf, repositoryAt, targetOf } from './worktreeTargets.ts';

type Methods = Extract<keyof HelperContract, `worktree/${string}`>;

export function worktreeHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  return {
    'worktree/open': async (params, context) => {
      const place = await placeOf(deps, params, context);
      if (context.agent !== undefined) {
        await refuseOutside(deps, place, context);
        await refuseOwnPrograms(place.host, place.repository, `heyvm wt ${params.branch}`);
      }
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
      const found = await targetOf(deps, params, context);
      const { target, inside } =
        context.agent?.tools === 'reads'
          ? await lookInside(found, context)
          : {
              target: await withHead(deps, found, context),
              inside: await insideOfEntry(found, context),
            };
      return diffOf(found.host, target, { base, format: stat === true ? 'stat' : 'patch' }, inside);
    },
    'worktree/merge': async (params, context) => {
      const { host, repository } = await placeOf(deps, params, context);
      if (context.agent !== undefined)
        await refuseOwnPrograms(host, repository, `heyvm wt ${params.branch} --merge`);
      const tip = await tipOf(deps, params, context);
      const options = { wait: 'wait', signal: context.signal } as const;
      return withLock(deps.paths, repositoryLock(repository), options, () =>
        mergeBranch(host, repository, params.branch, tip),
      );
    },
    ...reviewHandlers(deps),
    ...pickHandlers(deps),
    'worktree/import': async (params, context) =>
      importInto(deps, await targetOf(deps, params, context), context),
  };
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
      const { target: known, ...looked } = await lookInside({ ...found, target }, context);
      await refuseUnsaved(found.host, known, looked);
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

// The methods that take single commits of a branch over into the main worktree.
import { toSandboxError } from '../core/errors.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { withLock } from '../store/lock.ts';
import { commitsToPick, pickCommits } from '../worktrees/pick.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { tipInside } from './worktreeInside.ts';
import { repositoryLock } from './worktreeOpen.ts';
import { type Asked, placeOf, targetOf } from './worktreeTargets.ts';

export type PickMethods = 'worktree/commits' | 'worktree/pick';

export function pickHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, PickMethods> {
  return {
    'worktree/commits': async (params, context) => {
      const { host, repository } = await placeOf(deps, params, context);
      const tip = await tipOf(deps, params, context);
      const { into, commits } = await commitsToPick(host, { repository, branch: params.branch, tip });
      return { into, commits: [...commits] };
    },
    'worktree/pick': async ({ commits, ...params }, context) => {
      const { host, repository } = await placeOf(deps, params, context);
      const tip = await tipOf(deps, params, context);
      const options = { wait: 'wait', signal: context.signal } as const;
      return withLock(deps.paths, repositoryLock(repository), options, () =>
        pickCommits(host, { repository, branch: params.branch, tip }, commits),
      );
    },
  };
}

/** Undefined where the host's branch is what counts: a branch need not have a worktree to be merged. */
export async function tipOf(
  deps: ServiceDeps,
  asked: Asked,
  context: CallContext,
): Promise<string | undefined> {
  try {
    return await tipInside(deps, await targetOf(deps, asked, context), context);
  } catch (error) {
    if (toSandboxError(error).code === 'path-not-found') return undefined;
    throw error;
  }
}

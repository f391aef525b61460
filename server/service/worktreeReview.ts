// The methods that show what branches changed: the files, their two sides, and how far each branch has come.
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { reviewMethods } from '../protocol/reviewMethods.ts';
import { changesOf } from '../worktrees/changes.ts';
import { contentAt, contentIn } from '../worktrees/content.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { insideOfEntry, withHead } from './worktreeInside.ts';
import type { PickMethods } from './worktreePick.ts';
import { summariesOf } from './worktreeSummaries.ts';
import { targetOf } from './worktreeTargets.ts';

type Methods = Exclude<keyof typeof reviewMethods, PickMethods>;

export function reviewHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  return {
    'worktree/changes': async ({ base, ...asked }, context) => {
      const found = await targetOf(deps, asked, context);
      const target = await withHead(deps, found, context);
      return changesOf(found.host, target, base, await insideOfEntry(found, context));
    },
    'worktree/content': async ({ commit, path, ...asked }, context) => {
      const { host, target } = await targetOf(deps, asked, context);
      const content =
        commit === undefined
          ? await contentIn(target.worktree, path)
          : await contentAt(host, target.repository, { commit, path });
      return content === undefined ? {} : { data: content.toString('base64') };
    },
    'worktree/summaries': async ({ sandboxes }, context) => ({
      summaries: await summariesOf(deps, sandboxes, context),
    }),
  };
}

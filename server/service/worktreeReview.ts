// The methods that show what branches changed: the files, their two sides, and how far each branch has come.
import { SandboxError } from '../core/errors.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { BranchSummary, reviewMethods } from '../protocol/reviewMethods.ts';
import { changesOf } from '../worktrees/changes.ts';
import { contentAt, contentIn } from '../worktrees/content.ts';
import { defaultBase } from '../worktrees/diff.ts';
import { hostGitMaybe } from '../worktrees/hostGit.ts';
import { changedInside, headCommit } from '../worktrees/status.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { insideOfEntry, lookInside, withHead } from './worktreeInside.ts';
import { targetOf } from './worktreeTargets.ts';

type Methods = keyof typeof reviewMethods;

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
    'worktree/summaries': async ({ sandboxes }, context) => {
      const left = [...sandboxes];
      const summaries: BranchSummary[] = [];
      const work = async (): Promise<void> => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          context.signal.throwIfAborted();
          summaries.push(await summaryOf(deps, next, context));
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return { summaries };
    },
  };
}

/** Each of them runs git a few times, and the machine has more to do. */
const AT_ONCE = 3;
/** A guest that does not answer within this time is left out of the picture. */
const PATIENCE_MS = 10_000;

/** What cannot be told is left out: a list must not fail with one broken worktree. */
async function summaryOf(deps: ServiceDeps, sandbox: string, context: CallContext): Promise<BranchSummary> {
  const patience = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]);
  const summary: BranchSummary = { sandbox };
  try {
    const { record } = await deps.sandboxes.find(sandbox);
    if (record.worktree === undefined) return summary;
    const { repository: cwd, branch } = record.worktree;
    const asked: CallContext = { ...context, signal: patience };
    const found = await targetOf(deps, { cwd, branch }, asked);
    const { target, inside } = await lookInside(found, asked);
    const { repository } = target;
    const base = await defaultBase(found.host, repository, branch);
    const head = await headCommit(found.host, target);
    const counted = await hostGitMaybe(
      found.host,
      ['rev-list', '--left-right', '--count', `${base}...${head ?? 'HEAD'}`, '--'],
      { gitDir: repository.commonDir, cwd: repository.root },
    );
    const [behind, ahead] = (counted ?? '').split('\t').map(Number);
    if (head !== undefined && ahead !== undefined && behind !== undefined)
      Object.assign(summary, { base: base.replace(/^refs\/(heads|remotes)\//, ''), ahead, behind });
    if (inside !== undefined) summary.dirty = (await changedInside(inside)).length;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof SandboxError)) throw error;
  }
  return summary;
}

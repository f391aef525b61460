// Tools that look at what a branch changed and bring it back.
import { fail } from '../../core/errors.ts';
import type { WorktreeRef } from '../../protocol/sandbox.ts';
import type { ToolContext, ToolHandlers } from '../tool.ts';

type Tools = Pick<ToolHandlers, 'diff_branch' | 'merge_branch'>;

export const branchTools: Tools = {
  diff_branch: async ({ sandbox, base, stat }, context) => {
    const { branch, repository } = await worktreeOf(sandbox, context);
    const diff = await context.call(
      'worktree/diff',
      {
        cwd: repository,
        branch,
        ...(base === undefined ? {} : { base }),
        ...(stat === undefined ? {} : { stat }),
      },
      { signal: context.signal },
    );
    return { base: diff.base, patch: context.outputs.show(diff.patch) };
  },
  merge_branch: async ({ sandbox }, context) => {
    const { branch, repository } = await worktreeOf(sandbox, context);
    return await context.call(
      'worktree/merge',
      { cwd: repository, branch },
      { signal: context.signal, progress: context.progress },
    );
  },
};

async function worktreeOf(sandbox: string, { call, signal }: ToolContext): Promise<WorktreeRef> {
  const { sandbox: info } = await call('sandbox/get', { sandbox }, { signal });
  return (
    info.worktree ??
    fail('usage', `${info.name} shows no branch`, {
      hint: 'create_sandbox with a branch makes one that does',
    })
  );
}

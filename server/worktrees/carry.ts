// Carries what is not committed in one worktree over to another one that was checked out at the same commit.
import { fail } from '../core/errors.ts';
import type { Host } from './hostGit.ts';
import { readCommit, type Scratch, withScratch } from './scratch.ts';
import { isSparse, type Target } from './status.ts';

export type Carrying = {
  readonly source: Target;
  /** The commit that both are at. */
  readonly head: string;
  /** The folders of worktrees in which nobody works yet. */
  readonly targets: readonly string[];
};

/** Changed, new and removed files that git does not ignore; the source and its index stay as they are. */
export async function carryChanges(host: Host, { source, head, targets }: Carrying): Promise<void> {
  const { repository, worktree, own } = source;
  // In a sparse worktree a file that is not there was left out, not removed.
  const removals = (await isSparse(host, own)) ? '--ignore-removal' : '--all';
  await withScratch(host, { repository, worktree }, async scratch => {
    await readCommit(scratch, head, 'leave out');
    const base = await treeOf(scratch);
    const { code, stderr } = await scratch.git(['add', removals, '--', '.'], { accept: 'any' });
    if (code !== 0) refuseUnreadable(worktree, stderr);
    const changed = await treeOf(scratch);
    if (changed === base) return;
    for (const target of targets) await bringTo(scratch, target, { base, changed });
  });
}

async function treeOf(scratch: Scratch): Promise<string> {
  return (await scratch.git(['write-tree'])).stdout.trim();
}

async function bringTo(
  scratch: Scratch,
  target: string,
  { base, changed }: { readonly base: string; readonly changed: string },
): Promise<void> {
  const options = { cwd: target, env: { GIT_WORK_TREE: target } };
  await scratch.git(['read-tree', base], options);
  // What is as it was checked out is not written again.
  await scratch.git(['update-index', '-q', '--refresh'], { ...options, accept: 'any' });
  await scratch.git(['read-tree', '--reset', '-u', changed], options);
}

function refuseUnreadable(worktree: string, said: string): never {
  const [first = 'git cannot read it'] = said.split('\n').filter(line => line !== '');
  fail('worktree-conflict', `${worktree} has files that cannot be copied: ${first}`, {
    hint: 'make them readable, or let .gitignore leave them out',
  });
}

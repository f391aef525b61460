// Takes single commits of a branch over into the one that is checked out in the main worktree: all of them, or none.
import { fail } from '../core/errors.ts';
import type { BranchCommit, PickResult } from '../protocol/reviewMethods.ts';
import { type Host, hostGit, hostGitLine } from './hostGit.ts';
import { type From, placeOf, requireCommitter } from './mainPlace.ts';
import { isAncestor, mergedTree, moveMain, refuseBusy, refuseDirty } from './merge.ts';

/** One answer names no more; a branch that is further away is merged. */
const MOST_COMMITS = 500;

export type ToPick = { readonly into: string; readonly commits: readonly BranchCommit[] };

/** What the branch has and the checked out one has not, the oldest first; what was picked before is left out. */
export async function commitsToPick(host: Host, from: From): Promise<ToPick> {
  const { main, into, theirs, ours } = await placeOf(host, from, 'pick into');
  const { stdout } = await hostGit(
    host,
    [
      ...['log', '-z', '--reverse', '--cherry-pick', '--right-only', '--no-merges', '--no-show-signature'],
      ...[`--max-count=${MOST_COMMITS}`, '--format=%H%n%an%n%aI%n%s', `${ours}...${theirs}`, '--'],
    ],
    { cwd: main },
  );
  const commits = stdout.split('\0').flatMap(entry => {
    const [id = '', author = '', authored_at = '', subject = ''] = entry.split('\n');
    return id === '' ? [] : [{ id, author, authored_at, subject }];
  });
  return { into, commits };
}

/** The caller holds the lock of this repository. Commits are taken in the order in which they are named. */
export async function pickCommits(host: Host, from: From, commits: readonly string[]): Promise<PickResult> {
  const { repository, branch } = from;
  const { main, into, theirs, ours } = await placeOf(host, from, 'pick into');
  await refuseBusy(repository);
  if (commits.length > 0) await requireCommitter(host, { main });
  let head = ours;
  let taken = 0;
  for (const commit of commits) {
    await refuseOthers(host, { main, branch, theirs }, commit);
    const next = await pickOne(host, { main, branch, into, ours: head }, commit);
    if (next === head) continue;
    head = next;
    taken += 1;
  }
  if (head !== ours) {
    await refuseDirty(host, { main, ours }, `${head}^{tree}`);
    await moveMain(host, { repository, main, into, branch, ours }, head);
  }
  return { branch, into, commit: head, taken };
}

type Source = { readonly main: string; readonly branch: string; readonly theirs: string };

/** A surface names what it was shown; anything else in the repository is none of its business. */
async function refuseOthers(host: Host, { main, branch, theirs }: Source, commit: string): Promise<void> {
  const known = await hostGit(host, ['cat-file', '-e', `${commit}^{commit}`], { cwd: main, accept: 'any' });
  if (known.code === 0 && (await isAncestor(host, { main }, commit, theirs))) return;
  fail('branch-not-found', `${commit} is no commit of ${branch}`);
}

type Target = {
  readonly main: string;
  readonly branch: string;
  readonly into: string;
  readonly ours: string;
};

/** Answers the commit that the branch is at then, which is the same one when it has these changes already. */
async function pickOne(host: Host, { main, branch, into, ours }: Target, commit: string): Promise<string> {
  const at = { cwd: main };
  const [tree = '', parents = '', name = '', email = '', date = ''] = (
    await hostGit(
      host,
      ['log', '-1', '--no-show-signature', '--format=%T%n%P%n%an%n%ae%n%aI', commit, '--'],
      at,
    )
  ).stdout.split('\n');
  const [parent, ...more] = parents.split(' ').filter(part => part !== '');
  if (parent === undefined || more.length > 0 || tree === '') {
    fail('worktree-conflict', `${commit} is a merge or a first commit, and cannot be picked alone`, {
      hint: `merge ${branch} as a whole`,
    });
  }
  // With the parent as what both have in common, a merge takes over what this one commit changed, and nothing else.
  const base = await hostGitLine(host, ['commit-tree', `${ours}^{tree}`, '-p', parent, '-m', 'pick'], at);
  const named = { main, ours: base, theirs: commit, branch: `${commit.slice(0, 9)} of ${branch}`, into };
  const hint = `merge ${into} into ${branch} inside the sandbox and resolve it there, or merge ${branch} as a whole`;
  const merged = await mergedTree(host, named, hint);
  if (merged === (await hostGitLine(host, ['rev-parse', `${ours}^{tree}`], at))) return ours;
  const message = await hostGit(host, ['log', '-1', '--no-show-signature', '--format=%B', commit, '--'], at);
  const author = { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date };
  const args = ['commit-tree', merged, '-p', ours, '-m', message.stdout.trimEnd()];
  return await hostGitLine(host, args, { ...at, env: author });
}

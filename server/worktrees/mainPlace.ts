// Where commits of a branch come to: the branch that is checked out in the main worktree, and where both stand.
import { fail } from '../core/errors.ts';
import { branchTip, currentBranch } from './branches.ts';
import { type Host, hostGit } from './hostGit.ts';
import { commitOf, type Repository } from './repository.ts';

export type From = {
  readonly repository: Repository;
  readonly branch: string;
  /** Where the branch stands when the host's does not. */
  readonly tip?: string | undefined;
};

export type Place = {
  readonly main: string;
  readonly into: string;
  readonly theirs: string;
  readonly ours: string;
};

/** `purpose` ends the sentence that a repository without a main worktree is refused with. */
export async function placeOf(
  host: Host,
  { repository, branch, tip }: From,
  purpose: 'merge into' | 'pick into',
): Promise<Place> {
  const main =
    repository.main ?? fail('worktree-conflict', `${repository.root} has no main worktree to ${purpose}`);
  const into = await currentBranch(host, repository);
  if (into === undefined) {
    fail('worktree-conflict', `no branch is checked out in ${main}`, {
      hint: `git -C ${main} switch <branch>`,
    });
  }
  const theirs = tip ?? (await branchTip(host, repository, branch));
  if (theirs === undefined) fail('branch-not-found', `there is no branch ${JSON.stringify(branch)}`);
  const ours = await commitOf(host, repository, 'HEAD');
  if (ours === undefined) fail('branch-not-found', `branch ${into} has no commit yet`);
  return { main, into, theirs, ours };
}

/** Git would refuse to write a commit half-way, in many lines. */
export async function requireCommitter(host: Host, { main }: Pick<Place, 'main'>): Promise<void> {
  const known = await hostGit(host, ['var', 'GIT_COMMITTER_IDENT'], { cwd: main, accept: 'any' });
  if (known.code === 0) return;
  fail('command-failed', `git does not know in whose name to commit in ${main}`, {
    hint: 'git config --global user.name "Your Name", and the same with user.email',
  });
}

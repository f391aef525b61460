// The branches of a repository, most recent first, and the check of a name that somebody typed.
import { fail } from '../core/errors.ts';
import type { RunResult } from '../core/ports.ts';
import type { Branch } from '../protocol/worktree.ts';
import { type Host, hostGit, hostGitMaybe } from './hostGit.ts';
import { listRegistered, type Repository } from './repository.ts';

const NAMES = ['%(refname)', '%(symref)'];
const COMMITS = ['%(committerdate:iso-strict)', '%(contents:subject)'];

export async function listBranches(host: Host, repository: Repository): Promise<Branch[]> {
  const [lines, registered] = await Promise.all([refLines(host, repository), listRegistered(repository)]);
  const worktrees = new Map(registered.map(entry => [entry.branch, entry.path]));
  return lines.flatMap(line => toBranch(line.split('\0'), worktrees));
}

/** Neither a ref name nor a subject holds a line end, so lines are records. */
async function refLines(host: Host, repository: Repository): Promise<string[]> {
  const list = (sort: string, fields: readonly string[]): Promise<RunResult> =>
    hostGit(
      host,
      ['for-each-ref', `--sort=${sort}`, `--format=${fields.join('%00')}`, 'refs/heads', 'refs/remotes'],
      { gitDir: repository.commonDir, cwd: repository.root, accept: 'any' },
    );
  const full = await list('-committerdate', [...NAMES, ...COMMITS]);
  // One ref to a missing object makes git give up on dates; the names are there all the same.
  const { stdout } = full.code === 0 ? full : await list('refname', NAMES);
  return stdout.split('\n').filter(line => line !== '');
}

function toBranch(
  [ref = '', symref = '', committedAt = '', subject = '']: readonly string[],
  worktrees: ReadonlyMap<string | undefined, string>,
): Branch[] {
  // origin/HEAD only repeats another branch.
  if (symref !== '') return [];
  const kind = ref.startsWith('refs/heads/') ? 'local' : 'remote';
  const name = ref.slice(kind === 'local' ? 'refs/heads/'.length : 'refs/remotes/'.length);
  const worktree = kind === 'local' ? worktrees.get(name) : undefined;
  return [
    { name, kind, subject, committed_at: committedAt, ...(worktree === undefined ? {} : { worktree }) },
  ];
}

/** The branch that is checked out in the main worktree. */
export async function currentBranch(host: Host, repository: Repository): Promise<string | undefined> {
  return hostGitMaybe(host, ['symbolic-ref', '--quiet', '--short', 'HEAD'], {
    gitDir: repository.commonDir,
    cwd: repository.root,
  });
}

/** Git decides what may be a branch; shorthands like @{-1} are not names. */
export async function checkBranchName(host: Host, name: string): Promise<void> {
  const printed = name.includes('\0')
    ? undefined
    : await hostGitMaybe(host, ['check-ref-format', '--branch', name], { cwd: '/' });
  if (printed === name && name !== 'HEAD') return;
  fail('usage', `${JSON.stringify(name)} cannot be the name of a branch`, {
    hint: 'git check-ref-format has the rules: no spaces, no .., no ~ ^ : ? * [ and no - at the front',
  });
}

export async function branchTip(
  host: Host,
  repository: Repository,
  name: string,
): Promise<string | undefined> {
  return hostGitMaybe(host, ['rev-parse', '--verify', '--quiet', `refs/heads/${name}^{commit}`], {
    gitDir: repository.commonDir,
    cwd: repository.root,
  });
}

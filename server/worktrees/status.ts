// Whether a worktree holds work that would be lost with it: changed files, and commits that nobody else has.
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { branchTip } from './branches.ts';
import { headOf, kindOf, type OwnFolder, readRegular } from './gitFolder.ts';
import { nestedRepositories } from './hazards.ts';
import { type Host, hostGit, hostGitMaybe } from './hostGit.ts';
import type { Inside } from './inside.ts';
import { viewOf } from './mounts.ts';
import { commitOf, type Repository } from './repository.ts';
import { readCommit, withScratch } from './scratch.ts';

export type Target = {
  readonly repository: Repository;
  readonly own: OwnFolder;
  readonly worktree: string;
  readonly branch: string;
  /** Where the guest has a git folder of its own: what HEAD is in it, or was before commits that the host does not have. */
  readonly private?: { readonly head: string | undefined };
};

/** Sentences, one for each kind of work; empty when nothing would be lost. */
export async function unsavedWork(host: Host, target: Target, inside: Inside | undefined): Promise<string[]> {
  const found: string[] = [];
  const head = await headCommit(host, target);
  if (head === undefined) found.push('its HEAD names no commit');
  const changed =
    inside !== undefined ? await changedInside(inside) : await changedOnHost(host, target, head ?? 'HEAD');
  if (changed.length > 0) found.push(`${count(changed.length, 'changed or new file')}: ${some(changed)}`);
  const unpushed = await unpushedCommits(host, target, target.private === undefined ? head : undefined);
  if (unpushed > 0) found.push(`${count(unpushed, 'commit')} that no remote and no other branch has`);
  const stashes = target.private === undefined ? await stashesOf(target.own) : 0;
  if (stashes > 0) found.push(`${count(stashes, 'stash', 'stashes')} made inside`);
  return found;
}

/** What HEAD stands for, by our own reading of a file that the guest may have written. */
export async function headCommit(host: Host, target: Target): Promise<string | undefined> {
  const { repository, own } = target;
  if (target.private !== undefined) return target.private.head;
  const head = await headOf(own);
  if (head.kind === 'branch') return branchTip(host, repository, head.name);
  return head.kind === 'commit' ? commitOf(host, repository, head.id) : undefined;
}

/** Neither committed to nor changed since it was checked out at `tip`. */
export async function isUntouched(host: Host, target: Target, tip: string): Promise<boolean> {
  if ((await headCommit(host, target)) !== tip) return false;
  return (await changedOnHost(host, target, tip)).length === 0 && (await stashesOf(target.own)) === 0;
}

/** The names of changed and new files, by git in the guest, in whose way a look must not be with a lock of the index. */
export async function changedInside(inside: Inside): Promise<string[]> {
  const { stdout } = await inside([
    'git',
    '--no-optional-locks',
    'status',
    '--porcelain=v1',
    '-z',
    '--untracked-files=normal',
    '--no-renames',
  ]);
  return stdout
    .split('\0')
    .filter(entry => entry !== '')
    .map(entry => entry.slice(3));
}

/** Compares files with HEAD by content, because the times that a guest's index holds prove nothing. */
async function changedOnHost(host: Host, target: Target, head: string): Promise<string[]> {
  const { repository, worktree, own } = target;
  const nested = await nestedRepositories(own, worktree);
  if (nested.kind === 'unknown') return ['(the git index cannot be read)'];
  // The host's own index knows nothing of what was staged in another git folder.
  const staged = target.private === undefined ? await stagedOnHost(host, target, head) : [];
  const sparse = await isSparse(host, own);
  const files = await withScratch(host, { repository, worktree }, async scratch => {
    await readCommit(scratch, head, 'keep');
    const kinds = sparse ? ['--modified', '--others'] : ['--modified', '--deleted', '--others'];
    const { stdout } = await scratch.git(['ls-files', '-z', ...kinds, '--exclude-standard']);
    const names = stdout.split('\0').filter(name => name !== '');
    if (!sparse) return names;
    // In a sparse worktree a file that is not there was left out, not deleted.
    const there = await Promise.all(
      names.map(async name => (await kindOf(join(worktree, name))) !== 'absent'),
    );
    return names.filter((_, index) => there[index]);
  });
  // What is in a nested repository cannot be told without believing its configuration.
  return [...new Set([...files, ...staged, ...nested.paths])];
}

/** What was staged and is no longer among the files. */
async function stagedOnHost(host: Host, { repository, own }: Target, head: string): Promise<string[]> {
  const kind = await kindOf(join(own.gitDir, 'index'));
  if (kind === 'absent') return [];
  if (kind !== 'file') return ['(the git index cannot be read)'];
  const { code, stdout } = await hostGit(
    host,
    [
      'diff-index',
      '--cached',
      '--name-only',
      '-z',
      '--ignore-submodules=all',
      '--no-ext-diff',
      '--no-textconv',
      head,
      '--',
    ],
    {
      gitDir: repository.commonDir,
      cwd: repository.root,
      env: { GIT_INDEX_FILE: join(own.gitDir, 'index') },
      accept: 'any',
    },
  );
  return code === 0 ? stdout.split('\0').filter(name => name !== '') : ['(the git index cannot be read)'];
}

/** The worktree's own configuration cannot be written inside. */
export async function isSparse(host: Host, { gitDir, commonDir }: OwnFolder): Promise<boolean> {
  const ask = (args: readonly string[]): Promise<string | undefined> =>
    hostGitMaybe(host, ['config', ...args, '--type=bool', '--get', 'core.sparseCheckout'], {
      gitDir: commonDir,
      cwd: commonDir,
    });
  const [own, common] = await Promise.all([
    ask(['--file', join(gitDir, 'config.worktree')]),
    ask(['--file', join(commonDir, 'config')]),
  ]);
  return (own ?? common) === 'true';
}

async function unpushedCommits(host: Host, target: Target, head: string | undefined): Promise<number> {
  const { repository, branch } = target;
  const tips = [head, await branchTip(host, repository, branch)].filter(tip => tip !== undefined);
  if (tips.length === 0) return 0;
  const { stdout } = await hostGit(
    host,
    [
      'rev-list',
      '--count',
      ...new Set(tips),
      '--not',
      '--remotes',
      `--exclude=${branch}`,
      '--branches',
      '--',
    ],
    { gitDir: repository.commonDir, cwd: repository.root },
  );
  const number = Number.parseInt(stdout, 10);
  return Number.isNaN(number) ? fail('internal', 'git rev-list --count printed no number') : number;
}

/** Stashes of a guest are known to its own reflog only. */
async function stashesOf(own: OwnFolder): Promise<number> {
  const log = await readRegular(join(viewOf(own).logs, 'refs', 'stash'), 16 * 1024 * 1024).catch(
    () => undefined,
  );
  return (
    log
      ?.toString('latin1')
      .split('\n')
      .filter(line => line !== '').length ?? 0
  );
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).map(name => JSON.stringify(name));
  return names.length > 3 ? `${shown.join(', ')}, …` : shown.join(', ');
}

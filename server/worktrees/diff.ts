// What a branch and its worktree changed since they left another branch, as a patch, without changing anything.
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { currentBranch } from './branches.ts';
import { type Host, hostGitMaybe } from './hostGit.ts';
import type { Inside } from './inside.ts';
import { inside as places } from './privatePlaces.ts';
import { commitOf, type Repository } from './repository.ts';
import { readCommit, withScratch } from './scratch.ts';
import { headCommit, isSparse, type Target } from './status.ts';

/** `files` is read by changes.ts. */
type Format = 'patch' | 'stat' | 'files';

const shapes: Readonly<Record<Format, readonly string[]>> = {
  patch: ['--patch', '--binary', '--full-index'],
  stat: ['--stat=120'],
  files: ['--raw', '--numstat', '--no-abbrev', '-z'],
};

export type DiffRequest = {
  readonly base?: string | undefined;
  readonly format: Format;
};

export type Diff = { readonly base: string; readonly patch: string };

export async function diffOf(
  host: Host,
  target: Target,
  { base, format }: DiffRequest,
  inside: Inside | undefined,
): Promise<Diff> {
  const head = await headCommit(host, target);
  if (head === undefined) fail('branch-not-found', `HEAD of ${target.worktree} names no commit`);
  const from = await forkPoint(host, target.repository, { head, base, branch: target.branch });
  const shape = shapes[format];
  const patch =
    inside === undefined
      ? await patchOnHost(host, target, { head, from, shape })
      : await patchInside(inside, target, { from, shape });
  return { base: from, patch };
}

type Fork = { readonly head: string; readonly base: string | undefined; readonly branch: string };

async function forkPoint(host: Host, repository: Repository, { head, base, branch }: Fork): Promise<string> {
  const name = base ?? (await defaultBase(host, repository, branch));
  const commit = await commitOf(host, repository, name);
  if (commit === undefined) {
    fail('branch-not-found', `${JSON.stringify(name)} names no commit`, {
      hint: 'name the branch to compare with',
    });
  }
  const at = { gitDir: repository.commonDir, cwd: repository.root };
  return (await hostGitMaybe(host, ['merge-base', head, commit], at)) ?? commit;
}

/** The branch that a branch is compared with when nobody names one. */
export async function defaultBase(host: Host, repository: Repository, branch: string): Promise<string> {
  const current = repository.main === undefined ? undefined : await currentBranch(host, repository);
  if (current !== undefined && current !== branch) return `refs/heads/${current}`;
  for (const name of ['refs/remotes/origin/HEAD', 'refs/heads/main', 'refs/heads/master']) {
    if ((await commitOf(host, repository, name)) !== undefined) return name;
  }
  return fail('branch-not-found', 'there is no branch to compare with', { hint: 'name one with --base' });
}

/** No program may be chosen by attributes, and nothing looks into a nested repository. */
const plain = [
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--submodule=short',
  '--src-prefix=a/',
  '--dst-prefix=b/',
];

type Parts = { readonly head: string; readonly from: string; readonly shape: readonly string[] };

/** Gitlinks are left out here, because telling their state would mean to believe nested configuration. */
async function patchOnHost(host: Host, target: Target, { head, from, shape }: Parts): Promise<string> {
  const { repository, worktree, own } = target;
  const missing = (await isSparse(host, own)) ? ['--ignore-removal'] : ['--all'];
  return withScratch(host, { repository, worktree }, async scratch => {
    await readCommit(scratch, head, 'leave out');
    // A file that cannot be read is skipped; the rest of the patch is still worth having.
    await scratch.git(['add', '--ignore-errors', ...missing, '--', '.'], { accept: 'any' });
    const { stdout } = await scratch.git([
      ...['diff-index', '--cached', '-r', '--find-renames', '--ignore-submodules=all'],
      ...[...plain, ...shape, from, '--'],
    ]);
    return stdout;
  });
}

/** New objects go to a folder of their own, so that the repository does not grow by looking. */
async function patchInside(
  inside: Inside,
  { own, private: apart }: Target,
  { from, shape }: Pick<Parts, 'from' | 'shape'>,
): Promise<string> {
  const folder = (await inside(['mktemp', '-d'])).stdout.trim();
  if (!folder.startsWith('/')) fail('guest-failed', 'mktemp inside the sandbox printed no folder');
  const env = {
    GIT_INDEX_FILE: `${folder}/index`,
    GIT_OBJECT_DIRECTORY: folder,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: join(
      apart === undefined ? own.commonDir : places.repository,
      'objects',
    ),
  };
  try {
    await inside(['git', 'read-tree', 'HEAD'], { env });
    await inside(['git', 'add', '--ignore-errors', '--all', '--', '.'], { env, accept: 'any' });
    const args = ['diff-index', '--cached', '-r', '--find-renames', ...plain, ...shape, from, '--'];
    return (await inside(['git', ...args], { env })).stdout;
  } finally {
    await inside(['rm', '-rf', folder], { accept: 'any' }).catch(() => undefined);
  }
}

// Finds the repository that a folder belongs to, and the worktrees that are registered in it.
import { readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fail } from '../core/errors.ts';
import { headOf, kindOf, readLine, requireFolder } from './gitFolder.ts';
import { type Host, hostGit, hostGitMaybe } from './hostGit.ts';

export type Repository = {
  /** The folder with objects and refs, absolute, without symbolic links. */
  readonly commonDir: string;
  /** The main worktree; a bare repository has none. */
  readonly main: string | undefined;
  /** What names the repository everywhere else: its main worktree, or the common folder of a bare one. */
  readonly root: string;
};

export type Registered = {
  readonly path: string;
  readonly kind: 'main' | 'linked';
  /** Git's own folder for it. */
  readonly gitDir: string;
  /** The short name of the branch that is checked out. */
  readonly branch?: string | undefined;
  /** Why git was told to leave it alone; empty when no reason was given. */
  readonly locked?: string | undefined;
};

export async function findRepository(host: Host, cwd: string): Promise<Repository> {
  const state = await stat(cwd).catch(() => undefined);
  if (state?.isDirectory() !== true) {
    fail('repository-not-found', `${cwd} is not a folder`, { hint: 'name a folder inside a git repository' });
  }
  const found = await hostGit(host, ['rev-parse', '--path-format=absolute', '--git-common-dir'], {
    cwd,
    accept: 'any',
  });
  if (found.code !== 0) {
    const told = found.stderr.trim().split('\n')[0] ?? '';
    fail('repository-not-found', `${cwd} is not inside a git repository: ${told}`, {
      hint: 'change into a repository, or make one with git init and a first commit',
    });
  }
  const commonDir = await realpath(found.stdout.replace(/\n$/, ''));
  const main = await mainWorktree(host, commonDir, cwd);
  const repository = { commonDir, main, root: main ?? commonDir };
  await refuseOddRefs(repository);
  return repository;
}

async function mainWorktree(host: Host, commonDir: string, cwd: string): Promise<string | undefined> {
  const setting = (name: string): Promise<string | undefined> =>
    hostGitMaybe(host, ['config', '--get', name], { gitDir: commonDir, cwd: commonDir });
  const bare = await hostGitMaybe(host, ['config', '--type=bool', '--get', 'core.bare'], {
    gitDir: commonDir,
    cwd: commonDir,
  });
  if (bare === 'true') return undefined;
  const configured = await setting('core.worktree');
  if (configured !== undefined) return realpath(resolve(commonDir, configured)).catch(() => undefined);
  if (basename(commonDir) === '.git') return dirname(commonDir);
  // A git folder elsewhere is only known from inside the worktree that names it.
  const gitDir = await hostGitMaybe(host, ['rev-parse', '--absolute-git-dir'], { cwd });
  if (gitDir === undefined || (await realpath(gitDir)) !== commonDir) return undefined;
  const top = await hostGitMaybe(host, ['rev-parse', '--show-toplevel'], { cwd });
  return top === undefined || top === '' ? undefined : realpath(top);
}

/** Read from git's files and not by git, which would wait for ever on a pipe that a guest put in the place of a HEAD. */
export async function listRegistered({ commonDir, main }: Repository): Promise<readonly Registered[]> {
  const folder = join(commonDir, 'worktrees');
  const ids = await readdir(folder).catch(() => []);
  const linked = await Promise.all(ids.map(id => registeredAt(join(folder, id))));
  const first = main === undefined ? [] : [await registration(main, 'main', commonDir)];
  return [...first, ...linked.filter(entry => entry !== undefined)];
}

async function registeredAt(gitDir: string): Promise<Registered | undefined> {
  const pointer = await readLine(join(gitDir, 'gitdir')).catch(() => undefined);
  if (pointer === undefined) return undefined;
  return registration(dirname(resolve(gitDir, pointer)), 'linked', gitDir);
}

async function registration(path: string, kind: Registered['kind'], gitDir: string): Promise<Registered> {
  const [head, locked] = await Promise.all([
    headOf({ gitDir }),
    readLine(join(gitDir, 'locked')).catch(() => ''),
  ]);
  return { path, kind, gitDir, branch: head.kind === 'branch' ? head.name : undefined, locked };
}

/** Host git reads every HEAD and ref; a pipe or a device among them would hold it up, a link would lead it away. */
async function refuseOddRefs({ commonDir }: Repository): Promise<void> {
  const ids = await readdir(join(commonDir, 'worktrees')).catch(() => []);
  for (const id of ids) {
    const head = join(commonDir, 'worktrees', id, 'HEAD');
    const kind = await kindOf(head);
    if (kind !== 'file' && kind !== 'absent') odd(head);
  }
  await requireFolder(join(commonDir, 'refs'));
  await walkRefs(join(commonDir, 'refs'));
}

async function walkRefs(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await walkRefs(path);
    else if (entry.isSymbolicLink()) {
      // Very old repositories have symbolic refs that are links to the name of another ref.
      if (!(await readlink(path)).startsWith('refs/')) odd(path);
    } else if (!entry.isFile()) odd(path);
  }
}

function odd(path: string): never {
  return fail('worktree-conflict', `${path} is not a plain file or folder`, {
    hint: 'a program in a sandbox may have replaced it; look at it and remove it, then try again',
  });
}

/** The commit that something names, or undefined. */
export async function commitOf(
  host: Host,
  repository: Repository,
  name: string,
): Promise<string | undefined> {
  return hostGitMaybe(host, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`], {
    gitDir: repository.commonDir,
    cwd: repository.root,
  });
}

// The only runner of the host's git: it switches off everything that a tree or a git folder written by a guest could run.
//
// What could make git run a program, and what prevents it here:
// * hooks: `core.hooksPath=/dev/null`. The person's own hooks stay off as well, because a hooks path may be a folder
//   of the tree, and then it holds what a guest wrote.
// * fsmonitor, pagers, external diffs, textconv, gpg, background maintenance: set on the command line, which beats
//   every file, and which git also passes on when it looks into a nested repository.
// * configuration that a guest wrote: no command reads any. The common folder's `config` is read-only inside, and
//   commands over a guest's tree run in a scratch repository (scratch.ts) that ignores the tree's own `.git`.
// * nested repositories: their configuration would count for submodule status, so every command that compares with
//   files has `--ignore-submodules=all` or works on an index without gitlinks, and recursion is off.
// * clean, smudge and process filters, named by a `.gitattributes` of the guest: the scratch repository unsets the
//   attribute. Filters and merge drivers of the person's own configuration do run when a branch is checked out or
//   merged into the main worktree, as with `git merge` by hand; without them a checkout of LFS files would be wrong.
//   For agents those of the repository's own configuration are refused (ownPrograms.ts).
// * replace refs, which a guest could add to show other content: not honoured.
// * ssh, credential helpers and other transports: nothing here talks to a remote, `ext::` is refused all the same. Only
//   the checkout of a partial clone fetches what it lacks, and not for agents.
import type { Run, RunOptions, RunResult } from '../core/ports.ts';
import { allowedEnvironment } from '../platform/environment.ts';

export type Host = {
  readonly run: Run;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** An agent asked, so that git fetches nothing: how it would is said by a repository that nobody looked at. */
  readonly offline?: boolean;
};

export type GitOptions = Omit<RunOptions, 'env' | 'signal'> & {
  /** The repository, when it must not be searched from the working directory. */
  readonly gitDir?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** Ends a command that a guest makes wait, with a pipe in the place of an object for one; what checks out asks for more. */
const DEADLINE_MS = 60_000;

const protections: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.pager=cat',
  'core.editor=false',
  'core.quotePath=true',
  'core.splitIndex=false',
  'protocol.ext.allow=never',
  'diff.ignoreSubmodules=all',
  'diff.noprefix=false',
  'diff.mnemonicPrefix=false',
  'status.submoduleSummary=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'commit.gpgSign=false',
  'log.showSignature=false',
  'merge.verifySignatures=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'advice.detachedHead=false',
  'advice.addEmbeddedRepo=false',
];

export async function hostGit(
  host: Host,
  args: readonly string[],
  options: GitOptions = {},
): Promise<RunResult> {
  const { gitDir, env, ...rest } = options;
  const argv: [string, ...string[]] = ['git', '--no-pager', '--no-optional-locks'];
  for (const setting of protections) argv.push('-c', setting);
  if (gitDir !== undefined) argv.push(`--git-dir=${gitDir}`);
  argv.push(...args);
  return host.run(argv, {
    timeoutMs: DEADLINE_MS,
    ...rest,
    env: { ...environment(host.env), ...(host.offline === true ? OFFLINE : {}), ...env },
    ...(host.signal === undefined ? {} : { signal: host.signal }),
  });
}

/** The output without its last line end; for commands that print one value. */
export async function hostGitLine(
  host: Host,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  const { stdout } = await hostGit(host, args, options);
  return stdout.replace(/\n$/, '');
}

/** Undefined when the command says no by its exit status. */
export async function hostGitMaybe(
  host: Host,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string | undefined> {
  const { code, stdout } = await hostGit(host, args, { ...options, accept: 'any' });
  return code === 0 ? stdout.replace(/\n$/, '') : undefined;
}

/** Counts more than any configuration. By `fd` git inside is asked, over a stream that we hand over. */
const OFFLINE = { GIT_ALLOW_PROTOCOL: 'fd', GIT_NO_LAZY_FETCH: '1' };

/** Where a person's git configuration is found; everything else of git's environment stays out. */
const kept = [
  'XDG_CONFIG_HOME',
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_SYSTEM',
  'GIT_CONFIG_NOSYSTEM',
  'USERPROFILE',
  'APPDATA',
  'PROGRAMDATA',
] as const;

function environment(env: NodeJS.ProcessEnv): Record<string, string> {
  const result = allowedEnvironment(env);
  for (const name of kept) {
    const value = env[name];
    if (value !== undefined) result[name] = value;
  }
  return {
    ...result,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
  };
}

// How far branches are from the one that they are compared with; what they share is asked once for all of them.
import { SandboxError } from '../core/errors.ts';
import type { BranchSummary } from '../protocol/reviewMethods.ts';
import type { Entry } from '../store/sandboxes.ts';
import { defaultBase } from '../worktrees/diff.ts';
import { ownFolderOf } from '../worktrees/gitFolder.ts';
import { type Host, hostGitMaybe } from '../worktrees/hostGit.ts';
import type { Inside } from '../worktrees/inside.ts';
import { commitOf, findRepository, type Repository } from '../worktrees/repository.ts';
import { changedInside, headCommit, type Target } from '../worktrees/status.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { lookInside } from './worktreeInside.ts';

/** Each of them runs git, and the machine has more to do. */
const AT_ONCE = 3;
/** A guest that does not answer within this time is left out of the picture. */
const PATIENCE_MS = 10_000;

export async function summariesOf(
  deps: ServiceDeps,
  sandboxes: readonly string[],
  context: CallContext,
): Promise<BranchSummary[]> {
  const known = new Map(
    (await deps.sandboxes.list()).entries.map(entry => [entry.record.id as string, entry]),
  );
  const repositories = repositoriesOnce(deps, context);
  const left = [...sandboxes];
  const summaries: BranchSummary[] = [];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      context.signal.throwIfAborted();
      summaries.push({
        sandbox: next,
        ...(await summaryOf(deps, known.get(next), { context, repositories })),
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return summaries;
}

type Shared = { readonly repository: Repository; readonly base: string | undefined };
type Repositories = (path: string) => Promise<Shared>;
type Asking = { readonly context: CallContext; readonly repositories: Repositories };
type Counts = Omit<BranchSummary, 'sandbox'>;

function repositoriesOnce(deps: ServiceDeps, { signal }: CallContext): Repositories {
  const host: Host = { run: deps.run, env: deps.env, signal };
  const found = new Map<string, Promise<Shared>>();
  const find = async (path: string): Promise<Shared> => {
    const repository = await findRepository(host, path);
    // No branch has this name, so that the base is that of every other one.
    const base = await defaultBase(host, repository, '').catch(() => undefined);
    return { repository, base };
  };
  return path => {
    const asked = found.get(path) ?? find(path);
    found.set(path, asked);
    return asked;
  };
}

/** What cannot be told is left out: a list must not fail with one broken worktree. */
async function summaryOf(
  deps: ServiceDeps,
  entry: Entry | undefined,
  { context, repositories }: Asking,
): Promise<Counts> {
  const worktree = entry?.record.worktree;
  if (entry === undefined || worktree === undefined) return {};
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]);
  const host: Host = { run: deps.run, env: deps.env, signal };
  const counts: Counts = {};
  try {
    const { repository, base } = await repositories(worktree.repository);
    const { branch, path } = worktree;
    const own = await ownFolderOf(repository.commonDir, path);
    const found = { host, entry, target: { repository, own, worktree: path, branch } };
    const seen = await lookInside(found, { ...context, signal });
    const from = base === `refs/heads/${branch}` ? await defaultBase(host, repository, branch) : base;
    if (from !== undefined) Object.assign(counts, await distance(host, seen, from));
    if (seen.inside !== undefined) counts.dirty = (await changedInside(seen.inside)).length;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof SandboxError)) throw error;
  }
  return counts;
}

type Seen = { readonly target: Target; readonly inside?: Inside | undefined };

/** Commits that were made in a git folder of the guest's own, and not imported yet, are known to git inside alone. */
async function distance(host: Host, { target, inside }: Seen, base: string): Promise<Counts> {
  const { commonDir, root } = target.repository;
  const count = (head: string, from: string) => [
    'rev-list',
    '--left-right',
    '--count',
    `${from}...${head}`,
    '--',
  ];
  const onHost = async (): Promise<string | undefined> => {
    const head = await headCommit(host, target);
    if (head === undefined) return undefined;
    return await hostGitMaybe(host, count(head, base), { gitDir: commonDir, cwd: root });
  };
  const alone = target.private === undefined ? undefined : inside;
  const from = alone === undefined ? undefined : await commitOf(host, target.repository, base);
  // Inside, the base may have moved on without the guest having heard of it.
  const told =
    alone === undefined || from === undefined
      ? undefined
      : await alone(['git', ...count('HEAD', from)], { accept: 'any' });
  const counted = told?.code === 0 ? told.stdout : await onHost();
  const [behind, ahead] = (counted ?? '').split('\t').map(Number);
  if (ahead === undefined || behind === undefined) return {};
  return { base: base.replace(/^refs\/(heads|remotes)\//, ''), ahead, behind };
}

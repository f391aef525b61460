// The worktrees of copies: each with a branch of its own at the source's commit, and what is not committed there.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '../core/errors.ts';
import type { WorktreeRef } from '../protocol/sandbox.ts';
import { withLock } from '../store/lock.ts';
import type { SandboxRecord } from '../store/records.ts';
import { listRecords, updateRecord } from '../store/sandboxes.ts';
import { branchTip } from '../worktrees/branches.ts';
import { carryChanges } from '../worktrees/carry.ts';
import { deleteBranch, ensureWorktree } from '../worktrees/create.ts';
import { kindOf, ownFolderOf } from '../worktrees/gitFolder.ts';
import type { Host } from '../worktrees/hostGit.ts';
import { finishRemoval, removeWorktree } from '../worktrees/remove.ts';
import { findRepository, listRegistered, type Repository } from '../worktrees/repository.ts';
import { labelsOf, worktreePathOf } from '../worktrees/slug.ts';
import { headCommit, type Target } from '../worktrees/status.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { requireEntry } from './entry.ts';
import { withHead } from './worktreeInside.ts';
import { repositoryLock } from './worktreeOpen.ts';

type Planned = NonNullable<SandboxRecord['forking']>['worktrees'][number];

/** The caller holds the lock of the source, whose record tells a later command what was begun. */
export async function forkWorktrees(
  deps: BaseDeps,
  { record, count }: { readonly record: SandboxRecord; readonly count: number },
  context: CallContext,
): Promise<readonly WorktreeRef[]> {
  const { signal, progress } = context;
  const { worktree } = record;
  if (worktree === undefined) return fail('internal', `sandbox ${record.name} has no worktree`);
  progress({ phase: 'making worktrees', detail: worktree.branch });
  const host: Host = { run: deps.run, env: deps.env, signal };
  const repository = await findRepository(host, worktree.repository);
  const own = await ownFolderOf(repository.commonDir, worktree.path);
  const shown: Target = { repository, own, worktree: worktree.path, branch: worktree.branch };
  const entry = await requireEntry(deps.paths, record.id);
  // Copies begin at what the guest committed, which the host has to have for their worktrees.
  const source = await withHead(deps, { host, target: shown, entry }, context);
  const head = await headCommit(host, source);
  if (head === undefined) {
    return fail('branch-not-found', `HEAD of ${worktree.path} names no commit here`, {
      hint: `where git is private, start it, so that its commits can be imported: heyvm start ${record.name}`,
    });
  }
  const options = { wait: 'wait', signal } as const;
  const planned = await withLock(deps.paths, repositoryLock(repository), options, async () => {
    const plan = await planOf(deps, host, { repository, branch: worktree.branch, head, count });
    await updateRecord(deps.paths, record.id, known => ({ ...known, forking: { worktrees: plan } }));
    for (const { branch, path } of plan) {
      await mkdir(dirname(path), { recursive: true });
      await ensureWorktree(host, repository, { branch, path, from: head, include: deps.settings().include });
    }
    return plan;
  });
  await carryChanges(host, { source, head, targets: planned.map(({ path }) => path) });
  return planned.map(({ branch, path }) => ({ branch, path, repository: worktree.repository }));
}

/** Takes back what was begun for copies that do not exist; those that do exist keep theirs. */
export async function undoForking(deps: BaseDeps, record: SandboxRecord): Promise<void> {
  const { forking, worktree } = record;
  if (forking === undefined) return;
  if (worktree !== undefined) {
    const host: Host = { run: deps.run, env: deps.env };
    const repository = await findRepository(host, worktree.repository);
    await withLock(deps.paths, repositoryLock(repository), { wait: 'wait' }, async () => {
      const { entries } = await listRecords(deps.paths);
      const used = new Set(entries.map(entry => entry.record.worktree?.path));
      for (const planned of forking.worktrees) {
        if (!used.has(planned.path)) await takeBack(host, repository, planned);
      }
    });
  }
  await forgetForking(deps, record.id);
}

/** The copies exist, so nothing has to be taken back any more. */
export async function forgetForking({ paths }: BaseDeps, id: string): Promise<void> {
  await updateRecord(paths, id, ({ forking: _, ...known }) => known);
}

type Plan = {
  readonly repository: Repository;
  readonly branch: string;
  readonly head: string;
  readonly count: number;
};

async function planOf(
  deps: BaseDeps,
  host: Host,
  { repository, branch, head, count }: Plan,
): Promise<Planned[]> {
  const template = deps.settings().worktree_path;
  const taken = new Set((await listRegistered(repository)).map(({ path }) => path));
  const plan: Planned[] = [];
  for (let number = 1; plan.length < count; number += 1) {
    const name = `${branch}-fork-${number}`;
    if ((await branchTip(host, repository, name)) !== undefined) continue;
    const paths = labelsOf(repository.root, name).map(label =>
      worktreePathOf(template, repository.root, { label, branch: name }),
    );
    const path = await firstFree(paths, taken);
    if (path === undefined) continue;
    taken.add(path);
    plan.push({ branch: name, path, tip: head });
  }
  return plan;
}

async function firstFree(paths: readonly string[], taken: ReadonlySet<string>): Promise<string | undefined> {
  for (const path of paths) {
    if (!taken.has(path) && (await kindOf(path)) === 'absent') return path;
  }
  return undefined;
}

/** A branch that moved on is somebody's work by now, and its worktree as well. */
async function takeBack(host: Host, repository: Repository, { branch, path, tip }: Planned): Promise<void> {
  const now = await branchTip(host, repository, branch);
  if (now !== undefined && now !== tip) return;
  const own = await ownFolderOf(repository.commonDir, path).catch(() => undefined);
  if (own !== undefined) await removeWorktree({ repository, own, worktree: path, branch });
  else await finishRemoval(repository, { kind: 'removing', branch, path });
  if (now !== undefined) await deleteBranch(host, repository, { branch, tip });
}

// Makes running copies of a sandbox at once; all of them or, failed or cancelled, none.
import { findBackend } from '../backends/registry.ts';
import { toSandboxError } from '../core/errors.ts';
import { copyTree } from '../platform/copyTree.ts';
import type { WorktreeRef } from '../protocol/sandbox.ts';
import { withLock } from '../store/lock.ts';
import { sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { type Entry, listRecords, updateRecord } from '../store/sandboxes.ts';
import { refuseUnattended, settle } from './attach.ts';
import { createFrom, newId } from './create.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { dropForks } from './dropSnapshots.ts';
import { requireEntry } from './entry.ts';
import { forgetForking, forkWorktrees, undoForking } from './forkWorktrees.ts';
import { hiddenName } from './hiddenName.ts';
import { tidyLocked } from './reconcile.ts';
import { takeLocked } from './snapshots.ts';
import { isUnattended } from './unattended.ts';
import { snapshotting } from './unsupported.ts';

export type Fork = { readonly id: string; readonly count: number };

export type Forked = {
  readonly entries: readonly Entry[];
  readonly memory: boolean;
  readonly why?: string | undefined;
};

/** Names of sandboxes have at most 56 characters; the rest is for the number. */
const LONGEST_STEM = 44;

export async function forkSandbox(
  deps: ServiceDeps,
  { id, count }: Fork,
  context: CallContext,
): Promise<Forked> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const found = await settle(deps, await requireEntry(paths, id), context);
    if (isUnattended(found)) refuseUnattended(found);
    await tidyLocked(deps, id);
    const entry = await requireEntry(paths, id);
    await dropForks(deps, entry.record);
    const { ref, ...taken } = await beginning(deps, entry, context);
    try {
      const entries = await copies(deps, { source: entry.record, count, ref }, context);
      await forgetForking(deps, id);
      return { entries, ...taken };
    } catch (error) {
      await undoForking(deps, (await requireEntry(paths, id)).record);
      throw error;
    } finally {
      await letGo(deps, id);
    }
  });
}

type Beginning = Pick<Forked, 'memory' | 'why'> & { readonly ref: Copying['ref'] };

/** What the copies are made of: the state of the source, or its workspace alone where no states are kept. */
async function beginning(deps: ServiceDeps, entry: Entry, context: CallContext): Promise<Beginning> {
  const { id, backend_type } = entry.record;
  if (!snapshotting.of(findBackend(backend_type).manifest.capabilities)) {
    const why = `${backend_type} keeps no states, so each has the files of the workspace and a new home`;
    return { ref: undefined, memory: false, why };
  }
  const taken = await takeLocked(deps, entry, { name: hiddenName('fork'), memory: undefined }, context);
  const ref = { ...taken.ref };
  await updateRecord(deps.paths, id, ({ taking: _, ...known }) => ({
    ...known,
    forks: [...(known.forks ?? []), ref],
  }));
  return { ref, memory: taken.memory, why: taken.why };
}

/** What the driver keeps for its copies is let go by a later command. */
async function letGo(deps: ServiceDeps, id: string): Promise<void> {
  try {
    await dropForks(deps, (await requireEntry(deps.paths, id)).record);
  } catch (error) {
    // The copies are there, or the reason why not is known; neither is worth less because of this.
    if (toSandboxError(error).code === 'internal') throw error;
  }
}

type Copying = {
  readonly source: SandboxRecord;
  readonly count: number;
  /** Of the state that each begins with, if not with the workspace alone. */
  readonly ref: Readonly<Record<string, unknown>> | undefined;
};

async function copies(
  deps: ServiceDeps,
  { source, count, ref }: Copying,
  context: CallContext,
): Promise<readonly Entry[]> {
  const worktrees =
    source.worktree === undefined
      ? new Array<WorktreeRef | undefined>(count).fill(undefined)
      : await forkWorktrees(deps, { record: source, count }, context);
  const names = await freeNames(deps, source.name, count);
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  context.progress({ phase: 'starting copies', detail: names.join(', ') });
  const attempts = await Promise.allSettled(
    worktrees.map(async (worktree, index) => {
      try {
        return await copy(deps, { source, ref, worktree, name: names[index] }, { ...context, signal });
      } catch (error) {
        failed.abort();
        throw error;
      }
    }),
  );
  const made = attempts.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []));
  if (made.length === count) return made;
  const free = { signal: new AbortController().signal, progress: () => {} };
  await Promise.all(made.map(({ record }) => deps.sandboxes.remove(record.id, { force: true }, free)));
  throw reasonOf(attempts);
}

/** The first that failed by itself; the others were cancelled because of it. */
function reasonOf(attempts: readonly PromiseSettledResult<Entry>[]): unknown {
  const reasons: unknown[] = attempts.flatMap(each => (each.status === 'rejected' ? [each.reason] : []));
  return reasons.find(reason => toSandboxError(reason).code !== 'cancelled') ?? reasons[0];
}

type OneCopy = {
  readonly source: SandboxRecord;
  readonly ref: Copying['ref'];
  readonly worktree: WorktreeRef | undefined;
  readonly name: string | undefined;
};

async function copy(
  deps: ServiceDeps,
  { source, ref, worktree, name }: OneCopy,
  context: CallContext,
): Promise<Entry> {
  const { paths } = deps;
  const id = newId();
  const own = sandboxPaths(paths, source.id).workspace;
  const path =
    worktree?.path ??
    (source.workspace.path === own ? sandboxPaths(paths, id).workspace : source.workspace.path);
  const draft: SandboxRecord = {
    ...inherited(source),
    id,
    created_at: new Date(deps.now()).toISOString(),
    backend_reason: `a copy of ${source.name}`,
    workspace: { ...source.workspace, path },
    ...(worktree === undefined ? {} : { worktree }),
    ...(ref === undefined ? {} : { from: ref }),
    attached: false,
    making: true,
    intent: 'running',
  };
  const furnish = async (record: SandboxRecord): Promise<void> => {
    if (source.workspace.path === own) await copyTree(own, record.workspace.path, context.signal);
  };
  return createFrom(deps, { draft, name, furnish }, context);
}

/** What a copy has of its source; what the source went through and what it keeps stays with it. Ports of this machine are taken. */
function inherited(source: SandboxRecord): SandboxRecord {
  const {
    ref: _ref,
    snapshots: _snapshots,
    forks: _forks,
    forking: _forking,
    taking: _taking,
    restoring: _restoring,
    suspended: _suspended,
    unreachable: _unreachable,
    last_end: _end,
    ssh_listen: _listen,
    ...rest
  } = source;
  return source.ports === undefined ? rest : { ...rest, ports: source.ports.map(({ guest }) => ({ guest })) };
}

async function freeNames({ paths }: ServiceDeps, source: string, count: number): Promise<readonly string[]> {
  const { entries } = await listRecords(paths);
  const taken = new Set(entries.map(({ record }) => record.name));
  const stem = source.slice(0, LONGEST_STEM).replace(/[-.]+$/, '');
  const names: string[] = [];
  for (let number = 1; names.length < count; number += 1) {
    const name = `${stem}-fork-${number}`;
    if (!taken.has(name)) names.push(name);
  }
  return names;
}

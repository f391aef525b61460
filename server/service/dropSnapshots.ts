// Lets go of snapshots that nobody asks for any more.

import { findBackend } from '../backends/registry.ts';
import type { Ref, Residue } from '../core/backend.ts';
import { fail } from '../core/errors.ts';
import { connectOwner } from '../owner/connect.ts';
import type { SandboxRecord } from '../store/records.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import type { BaseDeps } from './deps.ts';
import { machineContext, sandboxContext } from './machine.ts';

/** What a driver needs to let go of one snapshot. */
const DROP_MS = 60_000;

/** Something is left where copies still need it; a sweep takes that away when they are gone. */
export async function dropOne(
  deps: BaseDeps,
  record: Pick<SandboxRecord, 'backend_type' | 'options'>,
  snapshot: Ref,
): Promise<readonly Residue[]> {
  const backend = findBackend(record.backend_type);
  const { snapshots } = await backend.load();
  if (snapshots === undefined) return [];
  const signal = AbortSignal.timeout(DROP_MS);
  return snapshots.drop(machineContext(deps, backend, { signal, over: record.options }), snapshot);
}

/** All of them, because the sandbox goes. */
export async function dropSnapshots(deps: BaseDeps, record: SandboxRecord): Promise<void> {
  for (const ref of recordedIn(record)) await dropOne(deps, record, ref);
  if (record.taking === true) await tidySnapshots(deps, record, []);
}

function recordedIn({ snapshots = [], forks = [] }: SandboxRecord): readonly Ref[] {
  return [...snapshots.map(({ ref }) => ref), ...forks];
}

/** How long an owner that is still at it is waited for. */
const SETTLE_MS = 1_000;

/**
 * What a command took and could not write down, because it was killed or something failed. Its owner may still be at it,
 * though nobody waits. The caller holds the sandbox's lock.
 */
export async function dropUnrecorded(deps: BaseDeps, entry: Entry): Promise<void> {
  const { record, owner } = entry;
  if (record.taking === undefined) return;
  if (owner !== undefined) await settled(entry);
  await tidySnapshots(deps, record, recordedIn(record));
  await updateRecord(deps.paths, record.id, ({ taking: _, ...known }) => known);
}

async function settled(entry: Entry): Promise<void> {
  const owner = connectOwner(entry);
  const late = AbortSignal.timeout(SETTLE_MS);
  try {
    await owner.call('owner/settle', {}, { signal: late });
  } catch (error) {
    if (!late.aborted) throw error;
    fail('busy', `a snapshot of ${entry.record.name} is still being taken`, {
      hint: 'try again in a moment',
    });
  } finally {
    owner.close();
  }
}

async function tidySnapshots(deps: BaseDeps, record: SandboxRecord, kept: readonly Ref[]): Promise<void> {
  const backend = findBackend(record.backend_type);
  const { snapshots } = await backend.load();
  if (snapshots === undefined || record.ref === undefined) return;
  const context = sandboxContext(deps, backend, { record, signal: AbortSignal.timeout(DROP_MS) });
  await snapshots.tidy(context, record.ref, kept);
}

/** Those that copies began with, as far as the driver lets them go. The caller holds the sandbox's lock. */
export async function dropForks(deps: BaseDeps, record: SandboxRecord): Promise<void> {
  const { forks = [] } = record;
  if (forks.length === 0) return;
  const kept: NonNullable<SandboxRecord['forks']> = [];
  for (const ref of forks) {
    if ((await dropOne(deps, record, ref)).length > 0) kept.push(ref);
  }
  await updateRecord(deps.paths, record.id, ({ forks: _, ...known }) =>
    kept.length === 0 ? known : { ...known, forks: kept },
  );
}

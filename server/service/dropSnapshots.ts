// Lets go of snapshots that nobody asks for any more.

import { findBackend } from '../backends/registry.ts';
import type { Ref, Residue } from '../core/backend.ts';
import type { SandboxRecord } from '../store/records.ts';
import { updateRecord } from '../store/sandboxes.ts';
import type { BaseDeps } from './deps.ts';
import { machineContext } from './machine.ts';

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
  const own = (record.snapshots ?? []).map(({ ref }) => ref);
  for (const ref of [...own, ...(record.forks ?? [])]) await dropOne(deps, record, ref);
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

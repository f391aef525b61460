// Takes snapshots of sandboxes that run or do not, and removes them.
import type { Snapshot } from '../core/backend.ts';
import { fail } from '../core/errors.ts';
import { connectOwner } from '../owner/connect.ts';
import type { SnapshotInfo } from '../protocol/sandbox.ts';
import { withLock } from '../store/lock.ts';
import type { SandboxRecord } from '../store/records.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import { refuseUnattended, settle } from './attach.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { dropForks, dropOne, dropUnrecorded } from './dropSnapshots.ts';
import { requireEntry } from './entry.ts';
import { sandboxContext } from './machine.ts';
import { requireRunning } from './moments.ts';
import { requireSnapshot } from './restoring.ts';
import { isUnattended } from './unattended.ts';
import { requireAbility, snapshotting } from './unsupported.ts';

export type TakeSnapshot = {
  readonly id: string;
  readonly name?: string | undefined;
  /** Whether running programs are wanted in it; as far as the backend can when it is left out. */
  readonly memory?: boolean | undefined;
};

export type Taken = {
  readonly entry: Entry;
  readonly snapshot: SnapshotInfo;
  readonly why?: string | undefined;
};

export async function takeSnapshot(
  deps: BaseDeps,
  { id, name, memory }: TakeSnapshot,
  context: CallContext,
): Promise<Taken> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const entry = await settle(deps, await requireEntry(paths, id), context);
    requireAbility(entry.record, snapshotting);
    await dropForks(deps, entry.record);
    const chosen = freeSnapshotName(entry.record, name);
    const { ref, memory: has, why } = await takeLocked(deps, entry, { name: chosen, memory }, context);
    const snapshot = { name: chosen, created_at: new Date(deps.now()).toISOString(), memory: has };
    await updateRecord(paths, id, ({ taking: _, ...known }) => ({
      ...known,
      snapshots: [...(known.snapshots ?? []), { ...snapshot, ref: { ...ref } }],
    }));
    return { entry: await requireEntry(paths, id), snapshot, why };
  });
}

export async function removeSnapshot(
  deps: BaseDeps,
  { id, snapshot }: { readonly id: string; readonly snapshot: string },
  context: CallContext,
): Promise<Entry> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const { record } = await requireEntry(paths, id);
    requireAbility(record, snapshotting);
    const { ref } = requireSnapshot(record, snapshot);
    if (record.restoring === snapshot) {
      fail('busy', `sandbox ${record.name} is half restored to ${snapshot}`, {
        hint: `finish that first: heyvm start ${record.name}`,
      });
    }
    context.progress({ phase: 'removing', detail: snapshot });
    const needed = (await dropOne(deps, record, ref)).length > 0;
    await updateRecord(paths, id, known => ({
      ...known,
      snapshots: (known.snapshots ?? []).filter(({ name }) => name !== snapshot),
      // What copies still need is let go when they are gone.
      ...(needed ? { forks: [...(known.forks ?? []), ref] } : {}),
    }));
    return requireEntry(paths, id);
  });
}

export type Taking = { readonly name: string; readonly memory: boolean | undefined };

/**
 * The owner takes it of a guest that runs. The caller holds the sandbox's lock and writes down what this answers: until
 * then the record says that something is being taken, so that the next command finds what a killed one left.
 */
export async function takeLocked(
  deps: BaseDeps,
  entry: Entry,
  { name, memory }: Taking,
  context: CallContext,
): Promise<Snapshot> {
  const { record, owner } = entry;
  if (isUnattended(entry)) refuseUnattended(entry);
  const backend = requireAbility(record, snapshotting);
  await dropUnrecorded(deps, entry);
  context.progress({ phase: 'taking a snapshot', detail: name });
  const begin = () => updateRecord(deps.paths, record.id, known => ({ ...known, taking: true as const }));
  const possible = backend.manifest.capabilities.snapshots === 'memory';
  if (owner !== undefined) {
    if (owner.state !== 'paused') requireRunning(entry);
    await begin();
    return askOwner(entry, { name, memory: memory ?? possible }, context);
  }
  if (record.ref === undefined) {
    fail('not-running', `sandbox ${record.name} never ran, so there is nothing to keep`, {
      hint: `heyvm start ${record.name}`,
    });
  }
  const { snapshots } = await backend.load();
  if (snapshots === undefined)
    fail('internal', `${record.backend_type} has snapshots and no way to take one`);
  const { signal, progress } = context;
  const own = { ...sandboxContext(deps, backend, { record, signal }), progress };
  await begin();
  const taken = await snapshots.take(own, record.ref, { name, memory: 'unwanted' });
  return memory === true ? { ...taken, why: 'it is not running' } : taken;
}

async function askOwner(
  entry: Entry,
  asked: { readonly name: string; readonly memory: boolean },
  { signal }: CallContext,
): Promise<Snapshot> {
  const owner = connectOwner(entry);
  try {
    const { ref, memory, why } = await owner.call('owner/snapshot', asked, { signal });
    return { ref, memory, ...(why === undefined ? {} : { why }) };
  } finally {
    owner.close();
  }
}

function freeSnapshotName({ name, snapshots = [] }: SandboxRecord, wanted: string | undefined): string {
  const taken = new Set(snapshots.map(snapshot => snapshot.name));
  if (wanted !== undefined) {
    if (!taken.has(wanted)) return wanted;
    return fail('name-taken', `sandbox ${name} has a snapshot ${wanted} already`, {
      hint: `choose another name, or remove it: heyvm snapshot ${name} --remove ${wanted}`,
    });
  }
  for (let number = 1; ; number += 1) {
    if (!taken.has(`snap-${number}`)) return `snap-${number}`;
  }
}

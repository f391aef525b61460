// Puts a sandbox back to one of its snapshots, in steps that the next start finishes when this one is interrupted.
import { withLock } from '../store/lock.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import { settle } from './attach.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { requireEntry } from './entry.ts';
import { finishRestore, requireSnapshot } from './restoring.ts';
import { startLocked } from './start.ts';
import { DEFAULT_GRACE_MS, stopLocked } from './stop.ts';
import { requireAbility, snapshotting } from './unsupported.ts';

export type Restore = { readonly id: string; readonly snapshot: string };

/** One that ran runs again afterwards. */
export async function restoreSandbox(
  deps: BaseDeps,
  { id, snapshot }: Restore,
  context: CallContext,
): Promise<Entry> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const entry = await settle(deps, await requireEntry(paths, id), context);
    requireAbility(entry.record, snapshotting);
    requireSnapshot(entry.record, snapshot);
    const ran = entry.owner !== undefined;
    if (ran) await stopLocked(deps, entry, { ...context, graceMs: DEFAULT_GRACE_MS });
    // From here on every later start finishes this first, for the disk is neither the old nor the new one meanwhile.
    const record = await updateRecord(paths, id, known => ({ ...known, restoring: snapshot }));
    await finishRestore(deps, record ?? entry.record, context);
    return ran ? startLocked(deps, { id }, context) : requireEntry(paths, id);
  });
}

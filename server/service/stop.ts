// Stops a sandbox: asks its owner, insists when it has to, and leaves its files.
import { stopOwner } from '../owner/stop.ts';
import { withLock } from '../store/lock.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { requireEntry } from './entry.ts';
import { forgetOwner } from './forget.ts';

export const DEFAULT_GRACE_MS = 5_000;

export type Stop = { readonly id: string; readonly graceMs?: number | undefined };

export async function stopSandbox(deps: BaseDeps, stop: Stop, context: CallContext): Promise<Entry> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${stop.id}`, { wait: 'wait', signal: context.signal }, async () => {
    const entry = await requireEntry(paths, stop.id);
    await stopLocked(deps, entry, { ...context, graceMs: stop.graceMs ?? DEFAULT_GRACE_MS });
    return requireEntry(paths, stop.id);
  });
}

/** The caller holds the sandbox's lock. */
export async function stopLocked(
  { paths }: BaseDeps,
  entry: Entry,
  context: CallContext & { readonly graceMs: number },
): Promise<void> {
  const { record } = entry;
  if (record.intent === 'running')
    await updateRecord(paths, record.id, known => ({ ...known, intent: 'stopped' }));
  if (entry.owner === undefined) {
    if (entry.stale) await forgetOwner(paths, entry);
    return;
  }
  context.progress({ phase: 'stopping guest' });
  const { graceMs, signal } = context;
  const how = await stopOwner(entry, { graceMs, signal, reason: 'stopped on request' });
  if (how === 'killed') await forgetOwner(paths, entry);
}

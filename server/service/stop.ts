// Stops a sandbox: asks its owner, insists when it has to, and leaves its files.
import { stopOwner } from '../owner/stop.ts';
import { withLock } from '../store/lock.ts';
import { type Entry, readEntry, updateRecord } from '../store/sandboxes.ts';
import { refuseUnattended, settle } from './attach.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { requireEntry } from './entry.ts';
import { forgetOwner } from './forget.ts';
import { isUnattended, outlivesOwner } from './unattended.ts';

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

/** The caller holds the sandbox's lock; `entry` is as it was before anything was asked of it. */
export async function stopLocked(
  deps: BaseDeps,
  entry: Entry,
  context: CallContext & { readonly graceMs: number },
): Promise<void> {
  const { paths } = deps;
  const { record } = entry;
  await updateRecord(paths, record.id, known =>
    known.intent === 'running' ? { ...known, intent: 'stopped' } : known,
  );
  context.progress({ phase: 'stopping guest' });
  const how = await stopOnce(deps, await settle(deps, entry, context), context);
  if (how === 'stopped') return;
  // The owner is gone, and its guest may be there still: a new owner finds that out and ends it.
  const left = await settle(deps, await requireEntry(paths, record.id), context);
  if ((await stopOnce(deps, left, context)) !== 'a guest is left') return;
  // What was refused is not done later, when nobody expects it any more.
  await updateRecord(paths, record.id, known => ({ ...known, intent: record.intent }));
  refuseUnattended(left);
}

async function stopOnce(
  { paths }: BaseDeps,
  entry: Entry,
  { graceMs, signal }: CallContext & { readonly graceMs: number },
): Promise<'stopped' | 'a guest is left'> {
  const { owner, record } = entry;
  if (owner === undefined) {
    if (isUnattended(entry)) return 'a guest is left';
    if (entry.stale) await forgetOwner(paths, entry);
    return 'stopped';
  }
  const how = await stopOwner(paths, entry, { graceMs, signal, reason: 'stopped on request' });
  const after = outlivesOwner(record) ? await readEntry(paths, record.id) : undefined;
  if (after !== undefined && isUnattended(after)) return 'a guest is left';
  if (how === 'killed') await forgetOwner(paths, entry);
  return 'stopped';
}

// Pausing, resuming, suspending and resizing: what changes a sandbox without making or removing one.
import { fail } from '../core/errors.ts';
import { connectOwner } from '../owner/connect.ts';
import { waitForOwner } from '../owner/stop.ts';
import type { Limits } from '../protocol/sandbox.ts';
import { withLock } from '../store/lock.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import { refuseUnattended, settle } from './attach.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { requireEntry } from './entry.ts';
import { tidyLocked } from './reconcile.ts';
import { refuseLaunch } from './requirements.ts';
import { startLocked } from './start.ts';
import { isUnattended } from './unattended.ts';
import { pausing, requireAbility, suspending } from './unsupported.ts';

/** An owner whose guest was written to disk has only itself left to end. */
const LAST_STEPS_MS = 10_000;

export async function pauseSandbox(deps: BaseDeps, id: string, context: CallContext): Promise<Entry> {
  return onSettled(deps, id, context, async entry => {
    requireAbility(entry.record, pausing);
    if (entry.owner?.state === 'paused') return;
    requireRunning(entry);
    context.progress({ phase: 'pausing' });
    await ask(entry, 'owner/pause', context);
  });
}

/** Also of one that was written to disk, which is started for that. */
export async function resumeSandbox(deps: BaseDeps, id: string, context: CallContext): Promise<Entry> {
  return onSettled(deps, id, context, async entry => {
    if (entry.owner?.state === 'running') return;
    if (entry.owner === undefined && entry.record.suspended === true) {
      await startLocked(deps, { id }, context);
      return;
    }
    requireAbility(entry.record, pausing);
    if (entry.owner?.state !== 'paused') requireRunning(entry);
    context.progress({ phase: 'resuming' });
    await ask(entry, 'owner/resume', context);
  });
}

export async function suspendSandbox(deps: BaseDeps, id: string, context: CallContext): Promise<Entry> {
  return onSettled(deps, id, context, async entry => {
    requireAbility(entry.record, suspending);
    if (entry.owner === undefined && entry.record.suspended === true) return;
    if (entry.owner?.state !== 'paused') requireRunning(entry);
    context.progress({ phase: 'writing memory to disk' });
    await ask(entry, 'owner/suspend', context).catch(async (error: unknown) => {
      // It may have ended, as it shall, before its answer was read.
      if ((await requireEntry(deps.paths, id)).record.suspended !== true) throw error;
    });
    if (entry.owner !== undefined) await waitForOwner(entry.owner, LAST_STEPS_MS, context.signal);
  });
}

export type Resize = { readonly id: string; readonly limits: Limits };

/** Limits are part of how a guest is made, so a running one keeps those that it has. */
export async function resizeSandbox(
  deps: BaseDeps,
  { id, limits }: Resize,
  context: CallContext,
): Promise<{ entry: Entry; restartNeeded: boolean }> {
  if (Object.keys(limits).length === 0) {
    fail('usage', 'no limit is given', { hint: 'for example: heyvm resize <sandbox> --memory 2g' });
  }
  const entry = await onSettled(deps, id, context, async ({ record }) => {
    context.progress({ phase: 'checking' });
    const wanted = { ...record, limits: { ...record.limits, ...limits } };
    await refuseLaunch(deps, wanted, context);
    await updateRecord(deps.paths, id, known => ({ ...known, limits: wanted.limits }));
  });
  return { entry, restartNeeded: entry.owner !== undefined };
}

/** Under the lock, with the truth about a guest that lost its owner, and answered with what is so afterwards. */
async function onSettled(
  deps: BaseDeps,
  id: string,
  context: CallContext,
  work: (entry: Entry) => Promise<void>,
): Promise<Entry> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const entry = await settle(deps, await requireEntry(paths, id), context);
    if (isUnattended(entry)) refuseUnattended(entry);
    if (entry.stale) await tidyLocked(deps, id);
    await work(entry.stale ? await requireEntry(paths, id) : entry);
    return requireEntry(paths, id);
  });
}

export function requireRunning({ record, owner }: Entry): void {
  if (owner?.state === 'running') return;
  const state = owner?.state ?? 'not running';
  const verb = owner?.state === 'paused' || record.suspended === true ? 'resume' : 'start';
  fail('not-running', `sandbox ${record.name} is ${state}`, { hint: `heyvm ${verb} ${record.name}` });
}

async function ask(
  entry: Entry,
  method: 'owner/pause' | 'owner/resume' | 'owner/suspend',
  { signal }: CallContext,
): Promise<void> {
  const owner = connectOwner(entry);
  try {
    await owner.call(method, {}, { signal });
  } finally {
    owner.close();
  }
}

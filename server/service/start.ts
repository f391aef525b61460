// Starts a sandbox that exists: one owner, and an answer when its guest can run programs.
import { fail } from '../core/errors.ts';
import { verdictOn } from '../core/lifecycle.ts';
import { startOwner } from '../owner/spawn.ts';
import { stopOwner } from '../owner/stop.ts';
import { withLock } from '../store/lock.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { requireEntry } from './entry.ts';
import { conditionOfEntry } from './info.ts';
import { tidyLocked } from './reconcile.ts';
import { refuseLaunch } from './requirements.ts';
import { DEFAULT_GRACE_MS, stopLocked } from './stop.ts';

/** Waits for whoever is starting or stopping it now, so that two starts at once give one guest. */
export async function startSandbox(deps: BaseDeps, id: string, context: CallContext): Promise<Entry> {
  return withLock(deps.paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, () =>
    startLocked(deps, id, context),
  );
}

export async function restartSandbox(deps: BaseDeps, id: string, context: CallContext): Promise<Entry> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const entry = await requireEntry(paths, id);
    // What could not be started again goes on running.
    context.progress({ phase: 'checking' });
    await refuseLaunch(deps, entry.record, context);
    await stopLocked(deps, entry, { ...context, graceMs: DEFAULT_GRACE_MS });
    return startLocked(deps, id, context);
  });
}

async function startLocked(deps: BaseDeps, id: string, context: CallContext): Promise<Entry> {
  const { paths } = deps;
  await tidyLocked(deps, id);
  const entry = await requireEntry(paths, id);
  const { status } = conditionOfEntry(entry);
  // Whoever was making it went away, and its owner ends because of that: it does not count as started.
  const halfMade = entry.record.making === true;
  if (verdictOn('start', status) === 'noop' && !halfMade) return entry;
  if (status === 'paused') {
    fail('busy', `sandbox ${entry.record.name} is paused`, { hint: `heyvm resume ${entry.record.name}` });
  }
  // Stopping by itself, for no command holds the lock: its end is near, and two owners must never be alive.
  if (status === 'stopping' || halfMade) {
    await stopOwner(entry, { graceMs: DEFAULT_GRACE_MS, reason: 'started again', signal: context.signal });
  }
  context.progress({ phase: 'checking' });
  await refuseLaunch(deps, entry.record, context);
  if (entry.record.intent !== 'running')
    await updateRecord(paths, id, known => ({ ...known, intent: 'running' }));
  try {
    await startOwner({ ...deps, id, ...context });
  } catch (error) {
    // An owner that had to be killed could not clean up after itself.
    await tidyLocked(deps, id);
    throw error;
  }
  return requireEntry(paths, id);
}

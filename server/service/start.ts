// Starts a sandbox that exists: one owner, and an answer when its guest can run programs.
import { isDeepStrictEqual } from 'node:util';
import { fail } from '../core/errors.ts';
import { verdictOn } from '../core/lifecycle.ts';
import { expectingOwner } from '../owner/candidate.ts';
import { startOwner } from '../owner/spawn.ts';
import { stopOwner } from '../owner/stop.ts';
import type { PublishedPort } from '../protocol/sandbox.ts';
import { withLock } from '../store/lock.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';
import { refuseUnattended, settle } from './attach.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { requireEntry } from './entry.ts';
import { conditionOfEntry } from './info.ts';
import { tidyLocked } from './reconcile.ts';
import { refuseLaunch } from './requirements.ts';
import { finishRestore } from './restoring.ts';
import { DEFAULT_GRACE_MS, stopLocked } from './stop.ts';
import { isUnattended } from './unattended.ts';

export type Start = {
  readonly id: string;
  /** Published from now on, in the place of those of the record. */
  readonly ports?: readonly PublishedPort[] | undefined;
  readonly cold?: boolean | undefined;
};

/** Waits for whoever is starting or stopping it now, so that two starts at once give one guest. */
export async function startSandbox(deps: BaseDeps, start: Start, context: CallContext): Promise<Entry> {
  return withLock(deps.paths, `sandbox-${start.id}`, { wait: 'wait', signal: context.signal }, () =>
    startLocked(deps, start, context),
  );
}

export async function restartSandbox(deps: BaseDeps, id: string, context: CallContext): Promise<Entry> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const entry = await settle(deps, await requireEntry(paths, id), context);
    // What could not be started again goes on running.
    context.progress({ phase: 'checking' });
    await refuseLaunch(deps, entry.record, context);
    return expectingOwner(deps, async expecting => {
      await stopLocked(expecting, entry, { ...context, graceMs: DEFAULT_GRACE_MS });
      return startLocked(expecting, { id }, context);
    });
  });
}

/** The caller holds the sandbox's lock. */
export async function startLocked(
  deps: BaseDeps,
  { id, ports, cold }: Start,
  context: CallContext,
): Promise<Entry> {
  const { paths } = deps;
  await settle(deps, await requireEntry(paths, id), context);
  await tidyLocked(deps, id);
  const entry = await requireEntry(paths, id);
  if (isUnattended(entry)) refuseUnattended(entry);
  const { status } = conditionOfEntry(entry);
  // Whoever was making it went away, and its owner ends because of that: it does not count as started.
  const halfMade = entry.record.making === true;
  if (verdictOn('start', status) === 'noop' && !halfMade) {
    if (ports !== undefined && !isDeepStrictEqual(ports, entry.record.ports ?? [])) {
      fail('busy', `sandbox ${entry.record.name} runs already, with other ports`, {
        hint: `stop it first: heyvm stop ${entry.record.name}`,
      });
    }
    return entry;
  }
  if (status === 'paused') {
    fail('busy', `sandbox ${entry.record.name} is paused`, { hint: `heyvm resume ${entry.record.name}` });
  }
  // Stopping by itself, for no command holds the lock: its end is near, and two owners must never be alive.
  if (entry.owner === undefined || status === 'stopping' || halfMade) {
    const end = { graceMs: DEFAULT_GRACE_MS, reason: 'started again', signal: context.signal };
    await stopOwner(paths, entry, end);
  }
  context.progress({ phase: 'checking' });
  return expectingOwner(deps, expecting => launch(expecting, { entry, ports, cold }, context));
}

type Launch = Omit<Start, 'id'> & { readonly entry: Entry };

async function launch(deps: BaseDeps, { entry, ports, cold }: Launch, context: CallContext): Promise<Entry> {
  const { paths } = deps;
  const { id } = entry.record;
  const asked = {
    ...(ports === undefined ? {} : { ports: [...ports] }),
    ...(cold === true ? { cold: true as const } : {}),
  };
  await refuseLaunch(deps, { ...entry.record, ...asked }, context);
  await finishRestore(deps, entry.record, context);
  if (entry.record.intent !== 'running' || Object.keys(asked).length > 0)
    await updateRecord(paths, id, known => ({ ...known, ...asked, intent: 'running' }));
  try {
    await startOwner({ ...deps, id, backend: entry.record.backend_type, ...context });
  } catch (error) {
    // An owner that had to be killed could not clean up after itself.
    await tidyLocked(deps, id);
    throw error;
  }
  return requireEntry(paths, id);
}

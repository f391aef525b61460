// Guests that outlive their owner: a new owner takes them over, and until then what is said of them is the truth.
import { fail, toSandboxError } from '../core/errors.ts';
import { attachOwner } from '../owner/spawn.ts';
import { lockHolder, withLock } from '../store/lock.ts';
import { type Entry, readEntry } from '../store/sandboxes.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { requireEntry } from './entry.ts';
import { isUnattended } from './unattended.ts';

/** How often a new owner that somebody else started is looked at, and how long it may take. */
const POLL_MS = 20;
const PATIENCE_MS = 60_000;

/** Without waiting: it finds out by itself whether there is a guest. */
export async function takeOver(deps: BaseDeps, id: string): Promise<void> {
  await attachOwner({ ...deps, id, signal: new AbortController().signal, progress: () => {} }, 'leave');
}

/**
 * What is so when a new owner has looked: it attached, it wrote how the guest ended, or it could not reach the guest,
 * and then the entry is still unattended. The caller holds the sandbox's lock.
 */
export async function settle(deps: BaseDeps, entry: Entry, context: CallContext): Promise<Entry> {
  if (!isUnattended(entry)) return entry;
  const { id } = entry.record;
  context.progress({ phase: 'attaching to the guest' });
  try {
    await attachOwner({ ...deps, id, ...context }, 'wait');
  } catch (thrown) {
    const error = toSandboxError(thrown);
    if (error.code === 'cancelled') throw error;
    // Another one is at it already; anything else was written into the record by the owner.
    if (error.code === 'busy') await waitForOther(deps, id, context.signal);
  }
  return requireEntry(deps.paths, id);
}

/** Also while another command or an owner is at it. */
export async function settleSandbox(deps: BaseDeps, id: string, context: CallContext): Promise<Entry> {
  const { paths } = deps;
  return withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const entry = await settle(deps, await requireEntry(paths, id), context);
    if (isBetween(entry)) await waitForOther(deps, id, context.signal);
    return requireEntry(paths, id);
  });
}

/** For what cannot be done without the guest. */
export function refuseUnattended({ record }: Entry): never {
  fail('owner-unreachable', `the guest of ${record.name} cannot be reached${reasonOf(record)}`, {
    hint: `try again when it can; heyvm rm --force ${record.name} then removes it as well`,
  });
}

/** On its way into a state in which it stays. */
function isBetween({ owner }: Entry): boolean {
  return owner?.state === 'starting' || owner?.state === 'stopping';
}

async function waitForOther({ paths }: BaseDeps, id: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    signal.throwIfAborted();
    const entry = await readEntry(paths, id);
    if (entry === undefined) return;
    const looking = entry.owner === undefined && lockHolder(paths, `owner-${id}`) !== undefined;
    if (!isBetween(entry) && !looking) return;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

function reasonOf({ unreachable }: Entry['record']): string {
  return unreachable === undefined ? '' : `: ${unreachable.reason}`;
}

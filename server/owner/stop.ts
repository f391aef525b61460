// Ends the owner of a sandbox, whatever state and version it is in, and waits until it is gone.
import { SandboxError } from '../core/errors.ts';
import { isSame, type ProcessIdentity, signalProcess } from '../platform/process.ts';
import { PROTOCOL } from '../protocol/version.ts';
import { lockHolder } from '../store/lock.ts';
import type { Paths } from '../store/paths.ts';
import type { Entry } from '../store/sandboxes.ts';
import { connectOwner } from './connect.ts';

export type StopOwner = { readonly graceMs: number; readonly reason: string; readonly signal: AbortSignal };

/** `clean`: it cleaned up after itself. `killed`: the caller has to. */
export type Stopped = 'clean' | 'killed';

/** On top of the guest's own grace, for an owner to end its guest and itself. */
const PATIENCE_MS = 5_000;

/** Without an owner there is nothing to do; one that is about to end, or has only begun, has a lease and nothing else. */
export async function stopOwner(
  paths: Pick<Paths, 'locks'>,
  entry: Entry,
  options: StopOwner,
): Promise<Stopped> {
  const { owner, record } = entry;
  if (owner === undefined) {
    const holder = lockHolder(paths, `owner-${record.id}`);
    return holder === undefined ? 'clean' : endProcess(holder, options);
  }
  const deadline = options.graceMs + PATIENCE_MS;
  const asked = owner.protocol.major === PROTOCOL.major && (await ask(entry, options));
  if (asked && (await ended(owner, deadline, options.signal))) return 'clean';
  // An owner of another version, or one that is stuck, still knows what SIGTERM means.
  return endProcess(owner, options);
}

/** First asks the process itself, then the system. */
export async function endProcess(
  owner: ProcessIdentity,
  { graceMs, signal }: Pick<StopOwner, 'graceMs' | 'signal'>,
): Promise<Stopped> {
  signalProcess(owner, 'SIGTERM');
  if (await ended(owner, graceMs + PATIENCE_MS, signal)) return 'clean';
  signalProcess(owner, 'SIGKILL');
  if (await ended(owner, PATIENCE_MS, signal)) return 'killed';
  throw new SandboxError('owner-unreachable', `process ${owner.pid}, which owns a sandbox, cannot be ended`, {
    hint: `end process ${owner.pid} by hand`,
  });
}

async function ask(entry: Entry, { graceMs, reason, signal }: StopOwner): Promise<boolean> {
  try {
    await connectOwner(entry).stop({ grace_ms: graceMs, reason }, signal);
    return true;
  } catch {
    // It ended while it was asked, which is success, or it does not answer, which the caller finds out next.
    signal.throwIfAborted();
    return !isOwnerAlive(entry);
  }
}

function isOwnerAlive({ owner }: Entry): boolean {
  return owner !== undefined && isSame(owner);
}

/** False when it is still there after that time. */
export async function waitForOwner(
  owner: ProcessIdentity,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  return ended(owner, limitMs, signal);
}

/** There is no event for the end of a process that is not ours, so this looks, at first very often. */
async function ended(owner: ProcessIdentity, limitMs: number, signal: AbortSignal): Promise<boolean> {
  const until = performance.now() + limitMs;
  let pause = 1;
  while (isSame(owner)) {
    signal.throwIfAborted();
    if (performance.now() > until) return false;
    const ms = pause;
    await new Promise(resolve => setTimeout(resolve, ms));
    pause = Math.min(pause * 2, 4);
  }
  return true;
}

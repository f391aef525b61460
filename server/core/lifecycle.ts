// The states of a sandbox: how they follow from what is on disk, and which operation is legal in which.
import type * as z from 'zod/mini';
import type { SandboxStatus } from '../protocol/sandbox.ts';

export type Status = z.output<typeof SandboxStatus>;

/** What the files of one sandbox say; nothing else decides about its state. */
export type Facts = {
  readonly intent: 'running' | 'stopped' | 'removed';
  readonly lastEnd?:
    | { readonly at: string; readonly kind: 'stopped' | 'failed'; readonly reason: string }
    | undefined;
  /** The state that a living owner gives. */
  readonly ownerState?: 'starting' | 'running' | 'paused' | 'stopping' | undefined;
  /** An owner left its file behind without a word about the end. */
  readonly stale: boolean;
  /** Its guest may have outlived its owner; `problem` says why nobody could look. */
  readonly unattended?: { readonly problem?: string | undefined } | undefined;
  /** What keeps a living owner from its guest at the moment. */
  readonly problem?: string | undefined;
};

export type Condition = { readonly status: Status; readonly reason?: string };

export const OWNER_VANISHED = 'its owner ended unexpectedly';
export const REBOOTED = 'this machine was restarted';
/** Before the name of the signal, as at the shutdown of the machine. */
export const SIGNALLED = 'its owner got';
export const EXPIRED = 'its time to live was over';
export const WALL_LIMIT = 'it reached its limit of running time';

export function conditionOf(facts: Facts): Condition {
  if (facts.ownerState !== undefined) {
    return { status: facts.ownerState, ...(facts.problem === undefined ? {} : { reason: facts.problem }) };
  }
  if (facts.intent === 'removed') return { status: 'stopping', reason: 'it is being removed' };
  if (facts.unattended !== undefined) return unattendedCondition(facts.intent, facts.unattended.problem);
  if (facts.stale) {
    // Who asked for the end got it, in whatever way.
    return facts.intent === 'stopped' ? { status: 'stopped' } : { status: 'failed', reason: OWNER_VANISHED };
  }
  if (facts.lastEnd === undefined) return { status: 'created' };
  return { status: facts.lastEnd.kind, reason: facts.lastEnd.reason };
}

/** Until a new owner has looked, nobody knows whether the guest still runs. */
function unattendedCondition(intent: 'running' | 'stopped', problem: string | undefined): Condition {
  if (problem !== undefined) {
    return { status: 'failed', reason: `${OWNER_VANISHED}, and its guest cannot be reached: ${problem}` };
  }
  if (intent === 'stopped') return { status: 'stopping', reason: 'a new owner ends its guest' };
  return { status: 'starting', reason: `${OWNER_VANISHED}; a new one takes over its guest` };
}

export type Operation = 'start' | 'stop' | 'remove' | 'exec';

/** `noop`: it is so already. `force`: only when the person insists. */
export type Verdict = 'allowed' | 'noop' | 'force' | 'refused';

const verdicts: Readonly<Record<Operation, Readonly<Record<Status, Verdict>>>> = {
  start: {
    created: 'allowed',
    stopped: 'allowed',
    failed: 'allowed',
    starting: 'noop',
    running: 'noop',
    paused: 'refused',
    stopping: 'refused',
  },
  stop: {
    created: 'noop',
    stopped: 'noop',
    failed: 'noop',
    starting: 'allowed',
    running: 'allowed',
    paused: 'allowed',
    stopping: 'allowed',
  },
  remove: {
    created: 'allowed',
    stopped: 'allowed',
    failed: 'allowed',
    starting: 'force',
    running: 'force',
    paused: 'force',
    stopping: 'force',
  },
  exec: {
    created: 'refused',
    stopped: 'refused',
    failed: 'refused',
    starting: 'refused',
    running: 'allowed',
    paused: 'refused',
    stopping: 'refused',
  },
};

export function verdictOn(operation: Operation, status: Status): Verdict {
  return verdicts[operation][status];
}

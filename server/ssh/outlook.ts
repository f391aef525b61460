// What a client that wants to reach a sandbox has to do next, as the sandbox's files tell it.
import { fail } from '../core/errors.ts';
import { OWNER_VANISHED } from '../core/lifecycle.ts';
import type { Entry } from '../store/sandboxes.ts';
import { willComeBack } from '../store/willComeBack.ts';

export type Outlook =
  /** Its owner says that it runs, so its endpoint answers at any moment. */
  | { readonly kind: 'up' }
  | { readonly kind: 'wait'; readonly why: string }
  /** Its guest may have outlived its owner. */
  | { readonly kind: 'settle'; readonly why: string }
  | { readonly kind: 'start'; readonly why: string }
  /** Only a person brings it back. */
  | { readonly kind: 'down' };

/** `locked`: another command is at work on it. */
export function outlookOn(entry: Entry, { locked, settled }: { locked: boolean; settled: boolean }): Outlook {
  const { owner, stale } = entry;
  if (owner?.state === 'running') return { kind: 'up' };
  if (owner?.state === 'starting') return { kind: 'wait', why: 'is starting' };
  if (owner?.state === 'stopping') return { kind: 'wait', why: 'is stopping' };
  if (locked) return { kind: 'wait', why: 'is being worked on by another command' };
  if (owner !== undefined) return { kind: 'down' };
  if (stale && !settled) return { kind: 'settle', why: `has lost its owner, ${TAKES_OVER}` };
  return willComeBack(entry)
    ? { kind: 'start', why: `does not run (${reasonOf(entry)}) and is started` }
    : { kind: 'down' };
}

const TAKES_OVER = 'another one takes over its guest if there still is one';

function reasonOf({ record, stale }: Entry): string {
  return stale ? OWNER_VANISHED : (record.last_end?.reason ?? 'it was never started');
}

export function refuseDown({ record, owner }: Entry): never {
  const end = record.last_end;
  const ended =
    end?.kind === 'failed' ? `failed: ${end.reason}` : `stopped${end === undefined ? '' : `: ${end.reason}`}`;
  const verb = owner?.state === 'paused' || record.suspended === true ? 'resume' : 'start';
  return fail('not-running', `${record.name} is not running (${owner?.state ?? ended})`, {
    hint: `${verb} it with: heyvm ${verb} ${record.name}`,
  });
}

export function refuseRemoved(name: string): never {
  return fail('sandbox-not-found', `${name} was removed`, {
    hint: 'heyvm list shows the sandboxes that exist',
  });
}

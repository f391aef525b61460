// Whether a sandbox that does not run is started for whoever connects to it, or stays as somebody left it.
import { REBOOTED, SIGNALLED } from './lifecycle.ts';

/** What the files of a sandbox without an owner say. */
export type LastSeen = {
  readonly intent: 'running' | 'stopped' | 'removed';
  readonly lastEnd?: { readonly kind: 'stopped' | 'failed'; readonly reason: string } | undefined;
  /** An owner left its file behind without a word about the end. */
  readonly stale: boolean;
  readonly suspended: boolean;
  /** It lives only as long as somebody holds it. */
  readonly held: boolean;
};

/**
 * After a crash and after a restart of the machine nobody has said that it should end. A stop, a deadline, and a guest
 * that ended in order were meant by somebody.
 */
export function comesBack({ intent, lastEnd, stale, suspended, held }: LastSeen): boolean {
  if (intent !== 'running' || suspended || held) return false;
  if (stale || lastEnd === undefined || lastEnd.kind === 'failed') return true;
  return lastEnd.reason === REBOOTED || lastEnd.reason.startsWith(SIGNALLED);
}

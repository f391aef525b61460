// Ends a program of a guest when its time is up: TERM first, KILL when that was not enough.
import type { GuestProcess } from '../core/guest.ts';

/** How long a program may take to end after TERM. */
const GRACE_MS = 2_000;

export type Deadline = { readonly passed: boolean; clear(): void };

export function startDeadline(process: Pick<GuestProcess, 'signal'>, ms: number | undefined): Deadline {
  if (ms === undefined) return { passed: false, clear: () => {} };
  let passed = false;
  const end = (): void => {
    passed = true;
    void process.signal('TERM').catch(ignore);
    timer = setTimeout(() => void process.signal('KILL').catch(ignore), GRACE_MS);
  };
  let timer = setTimeout(end, ms);
  return {
    get passed() {
      return passed;
    },
    clear: () => clearTimeout(timer),
  };
}

function ignore(): void {
  // A program or a connection that is gone needs no signal; how it ended is told elsewhere.
}

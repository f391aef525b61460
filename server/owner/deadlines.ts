// Ends a sandbox when its time is over, with one timer for the nearest deadline.

import { EXPIRED, WALL_LIMIT } from '../core/lifecycle.ts';
import type { SandboxRecord } from '../store/records.ts';

/** Timers of Node cannot wait longer than this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export type Deadline = { readonly seconds: number; readonly reason: string };

/** Counts by the clock that never jumps, from now on; `onOver` is called once. */
export function watchDeadlines(
  deadlines: readonly Deadline[],
  onOver: (reason: string) => void,
): { dispose(): void } {
  const [nearest] = [...deadlines].sort((left, right) => left.seconds - right.seconds);
  if (nearest === undefined) return { dispose: () => {} };
  const end = performance.now() + nearest.seconds * 1000;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = end - performance.now();
    if (left <= 0) onOver(nearest.reason);
    else timer = setTimeout(arm, Math.min(left, LONGEST_TIMER_MS));
  };
  timer = setTimeout(arm, Math.min(nearest.seconds * 1000, LONGEST_TIMER_MS));
  return { dispose: () => clearTimeout(timer) };
}

/** Counted from the moment when its guest was started, in milliseconds since 1970. */
export function deadlinesOf({ ttl_seconds: ttl, limits }: SandboxRecord, since: number): Deadline[] {
  const passed = Math.max(0, (Date.now() - since) / 1000);
  return [
    ...(ttl === undefined ? [] : [{ seconds: ttl - passed, reason: EXPIRED }]),
    ...(limits.wall === undefined ? [] : [{ seconds: limits.wall - passed, reason: WALL_LIMIT }]),
  ];
}

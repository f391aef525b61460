// Ends a sandbox when its time is over, with one timer for the nearest deadline.

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

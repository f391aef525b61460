// Whether a helper that ended is started again, and after how long.

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8_000;
export const WINDOW_MS = 3 * 60_000;
export const MOST_ENDS = 5;

export type RestartPlan = { kind: 'restart'; delayMs: number } | { kind: 'give-up'; ends: number };

/** `ends` are the times at which it ended without being asked to, the latest one last. */
export function planRestart(ends: readonly number[], now: number): RestartPlan {
  const recent = recentEnds(ends, now).length;
  if (recent >= MOST_ENDS) return { kind: 'give-up', ends: recent };
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Math.max(recent - 1, 0), LONGEST_DELAY_MS);
  return { kind: 'restart', delayMs };
}

export function recentEnds(ends: readonly number[], now: number): readonly number[] {
  return ends.filter(at => now - at < WINDOW_MS);
}

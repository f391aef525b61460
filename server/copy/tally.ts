// Counts what a copy has moved, and says so while it goes on.

import { bytes, counted } from '../core/amounts.ts';
import type { Progress } from '../protocol/contract.ts';

export type Tally = {
  readonly counts: { files: number; folders: number; links: number; bytes: number };
  readonly signal: AbortSignal;
  /** Fails when the copy was cancelled. */
  begin(name: string): void;
  moved(count: number): void;
};

/** How much must have moved before the line is painted again. */
const STEP = 1024 * 1024;

export function createTally(options: { progress: (progress: Progress) => void; signal: AbortSignal }): Tally {
  const { progress, signal } = options;
  const counts = { files: 0, folders: 0, links: 0, bytes: 0 };
  let current = '';
  let shownAt = 0;
  const show = (): void => {
    shownAt = counts.bytes;
    const moved = `${counted(counts.files, 'file')}, ${bytes(counts.bytes)}`;
    progress({ phase: 'copying', detail: `${current} (${moved})` });
  };
  return {
    counts,
    signal,
    begin: name => {
      signal.throwIfAborted();
      current = name;
      show();
    },
    moved: count => {
      counts.bytes += count;
      if (counts.bytes - shownAt >= STEP) show();
    },
  };
}

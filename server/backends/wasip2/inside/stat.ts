// What is known about a file, in the words of `wasi:filesystem`.
import type { Stats } from 'node:fs';

type Time = { readonly seconds: bigint; readonly nanoseconds: number };

export type Stat = {
  readonly type: string;
  readonly linkCount: bigint;
  readonly size: bigint;
  readonly dataAccessTimestamp: Time;
  readonly dataModificationTimestamp: Time;
  readonly statusChangeTimestamp: Time;
};

export function statOf(stats: Stats): Stat {
  return {
    type: typeOf(stats),
    linkCount: BigInt(stats.nlink),
    size: BigInt(stats.size),
    dataAccessTimestamp: timeOf(stats.atimeMs),
    dataModificationTimestamp: timeOf(stats.mtimeMs),
    statusChangeTimestamp: timeOf(stats.ctimeMs),
  };
}

export function typeOf(entry: Stats): string {
  if (entry.isFile()) return 'regular-file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symbolic-link';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  if (entry.isCharacterDevice()) return 'character-device';
  return entry.isBlockDevice() ? 'block-device' : 'unknown';
}

export type NewTime =
  | { readonly tag: 'no-change' }
  | { readonly tag: 'now' }
  | { readonly tag: 'timestamp'; readonly val: Time };

/** In seconds, as Node sets it; what was before is in milliseconds, as it tells it. */
export function secondsOf(time: NewTime, before: number): number {
  if (time.tag === 'no-change') return before / 1e3;
  if (time.tag === 'now') return Date.now() / 1e3;
  return Number(time.val.seconds) + time.val.nanoseconds / 1e9;
}

function timeOf(milliseconds: number): Time {
  const seconds = Math.floor(milliseconds / 1e3);
  return {
    seconds: BigInt(seconds),
    nanoseconds: Math.min(999_999_999, Math.round((milliseconds - seconds * 1e3) * 1e6)),
  };
}

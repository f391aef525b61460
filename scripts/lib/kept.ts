// What is slow to make and kept under the digest of what it is made from. Several trees may share the folder and have
// different makers, so that one goes when nobody has used it for days, and never because another one is newer.
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';

const KEPT_MS = 4 * 24 * 3600_000;

/** Whether it is there; whoever asks uses it. Its own time of change stays, because that may be part of what it is. */
export function isKept(path: string): boolean {
  if (!existsSync(path)) return false;
  utimesSync(path, new Date(), statSync(path).mtime);
  return true;
}

/** Removes what lies beside one that was just made and is used no more, half-made ones of killed makers included. */
export function dropUnused(made: string, now = Date.now()): void {
  const folder = dirname(made);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (path !== made && now - lastUse(path) > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}

function lastUse(path: string): number {
  const { atimeMs = Number.POSITIVE_INFINITY, mtimeMs = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
  return Math.max(atimeMs, mtimeMs);
}

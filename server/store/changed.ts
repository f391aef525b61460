// Tells everybody who watches the store that something changed.
import { writeFileSync } from 'node:fs';

/** Cheap, and never a reason for a command to fail: who watches will list again some day anyway. */
export function touchChanged(paths: { readonly changed: string }): void {
  try {
    writeFileSync(paths.changed, `${process.hrtime.bigint()}\n`, { mode: 0o600 });
  } catch {
    // A full or read-only disk already made the command itself fail where that matters.
  }
}

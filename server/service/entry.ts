// The sandbox that an operation works on, read again under its lock.
import { fail } from '../core/errors.ts';
import type { Paths } from '../store/paths.ts';
import { type Entry, readEntry } from '../store/sandboxes.ts';

/** It may have been removed while the lock was waited for. */
export async function requireEntry(paths: Paths, id: string): Promise<Entry> {
  const entry = await readEntry(paths, id);
  return (
    entry ??
    fail('sandbox-not-found', `sandbox ${id} was removed meanwhile`, { hint: 'heyvm list shows what exists' })
  );
}

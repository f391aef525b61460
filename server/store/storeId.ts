// Tells the things that one store left in an engine from those of another store of the same person.
import type { Paths } from './paths.ts';

/** Twelve hex digits that depend on where the store is. */
export function storeIdOf({ home }: Pick<Paths, 'home'>): string {
  // Loaded with its first use, because it takes milliseconds and most commands ask no engine.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256').update(home).digest('hex').slice(0, 12);
}

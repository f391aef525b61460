// Tells the things that one store left in an engine from those of another store of the same person.
import { createHash } from 'node:crypto';
import type { Paths } from './paths.ts';

/** Twelve hex digits that depend on where the store is. */
export function storeIdOf({ home }: Pick<Paths, 'home'>): string {
  return createHash('sha256').update(home).digest('hex').slice(0, 12);
}

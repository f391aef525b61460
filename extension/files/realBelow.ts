// Where a path of a shared folder lies on this machine.
import { realpathSync } from 'node:fs';
import { join } from 'node:path';

/** Undefined for what is not there, and for a way over a link: a guest makes links to folders of this machine. */
export function realBelow(folder: string, inside: string): string | undefined {
  try {
    const path = join(realpathSync(folder), inside);
    return realpathSync(path) === path ? path : undefined;
  } catch {
    return undefined;
  }
}

// The home of a sandbox that is a folder of its driver: there whole or not at all, and kept from then on.
import { mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { ensureFolder, isPresent } from '../../platform/files.ts';
import { removeTree } from '../../platform/removeTree.ts';

/** One that is there is left as it is. */
export async function ensureHome(
  home: string,
  fill: (folder: string) => Promise<void> | void,
): Promise<void> {
  if (await isPresent(home)) return;
  await ensureFolder(dirname(home));
  const fresh = `${home}.new`;
  await removeTree(fresh);
  await fill(fresh);
  renameSync(fresh, home);
}

export function makeEmpty(folder: string): void {
  mkdirSync(folder, { mode: 0o700 });
}

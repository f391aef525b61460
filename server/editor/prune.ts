// Which of the fetched servers nobody needs: rest of downloads that were killed, and those of versions long past.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodeOf } from '../platform/files.ts';
import { identify } from '../platform/process.ts';
import type { Paths } from '../store/paths.ts';

/** Editors have a new version each month, and a server that is wanted again after that is fetched again. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

/** While a sandbox runs, a window on it may run any of the servers, so that all of them stay then. */
export function unneededServers(
  { servers }: Pick<Paths, 'servers'>,
  { now, inUse }: { readonly now: number; readonly inUse: boolean },
): readonly string[] {
  const names = namesIn(servers);
  const drafts = names.filter(name => {
    const pid = /\.([0-9]+)$/.exec(name)?.[1];
    return pid !== undefined && identify(Number(pid)) === undefined;
  });
  if (inUse) return drafts.map(name => join(servers, name));
  const old = names.filter(
    name => name.endsWith('.json') && now - (fetchedAt(join(servers, name)) ?? now) > KEPT_MS,
  );
  // The description goes last, because without it nothing would say how old the tree is.
  const both = old.flatMap(name => [name.slice(0, -'.json'.length), name]);
  return [...drafts, ...both].map(name => join(servers, name));
}

function fetchedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

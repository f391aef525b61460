// Finds what no sandbox needs any more; looking changes nothing.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXPIRED } from '../core/lifecycle.ts';
import { unneededServers } from '../editor/prune.ts';
import { isAbsence, readTextIfExistsNow } from '../platform/files.ts';
import { lockHolder } from '../store/lock.ts';
import { type Entry, readIds } from '../store/sandboxes.ts';
import type { ServiceDeps } from './deps.ts';
import { trashed } from './remains.ts';

export type Leftover = { readonly what: string; readonly path: string };

export async function findLeftovers(deps: ServiceDeps): Promise<readonly Leftover[]> {
  const { paths } = deps;
  const ids = new Set(readIds(paths));
  const { entries } = await deps.sandboxes.list();
  return [
    ...trashed(paths).map(name => ({ what: 'an interrupted removal', path: join(paths.trash, name) })),
    ...namesIn(paths.run)
      .filter(name => !ids.has(name) && lockHolder(paths, `owner-${name}`) === undefined)
      .map(name => ({ what: 'sockets of a sandbox that is gone', path: join(paths.run, name) })),
    ...oldBuilds(deps, entries),
    ...unneededServers(paths, {
      now: deps.now(),
      inUse: entries.some(({ owner }) => owner !== undefined),
    }).map(path => ({ what: 'a server of an editor', path })),
  ];
}

/** Ended because their time was over, so nobody expects to find them again. */
export function isExpired({ record, owner }: Entry): boolean {
  return owner === undefined && record.last_end?.reason === EXPIRED;
}

/** A build that a living owner runs from stays, and so does the one that is used next. */
function oldBuilds({ paths, bundle }: ServiceDeps, entries: readonly Entry[]): Leftover[] {
  const used = new Set(entries.map(({ owner }) => owner?.build));
  // An owner that is known by its lease alone may run from any build.
  if (used.has('')) return [];
  // OpenSSH reaches heyvm through a launcher that names the build it was written by.
  const launcher = readTextIfExistsNow(join(paths.bin, 'heyvm')) ?? '';
  return namesIn(paths.lib)
    .filter(name => name !== bundle.build && !used.has(name) && !launcher.includes(join(paths.lib, name)))
    .filter(name => !name.startsWith('.new-'))
    .map(name => ({ what: 'an old version', path: join(paths.lib, name) }));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

// Tells at a glance whether a crash or an interrupted removal left something behind.
import { readdirSync } from 'node:fs';
import { isAbsence } from '../platform/files.ts';
import { identify } from '../platform/process.ts';
import { lockHolder } from '../store/lock.ts';
import type { Paths } from '../store/paths.ts';
import { type Entry, lockNamesOf, readIds } from '../store/sandboxes.ts';

const ASK_AGAIN_MS = 10_000;

export function needsTidying({ record, owner, stale }: Entry): boolean {
  if (wasUnreachable(record)) return false;
  return (
    stale ||
    (owner === undefined && isUnwanted({ record })) ||
    record.forking !== undefined ||
    record.taking !== undefined
  );
}

/** An engine that is away is not asked again by every command that only looks. */
function wasUnreachable({ unreachable }: Entry['record']): boolean {
  if (unreachable === undefined) return false;
  const age = Date.now() - Date.parse(unreachable.at);
  return age >= 0 && age < ASK_AGAIN_MS;
}

/**
 * Its removal was interrupted, or its making; while somebody is at either, the sandbox's lock is held. A throwaway is
 * unwanted as soon as it has no owner.
 */
export function isUnwanted({ record: { intent, making, throwaway }, owner }: Remains): boolean {
  return intent === 'removed' || making === true || (throwaway === true && owner === undefined);
}

type Remains = Pick<Entry, 'record' | 'owner'>;

/** What is in the trash and nobody is working on any more. */
export function trashed(paths: Pick<Paths, 'trash'>): readonly string[] {
  return readTrash(paths).filter(name => {
    const pid = /-new-([0-9]+)$/.exec(name)?.[1];
    return pid === undefined || identify(Number(pid)) === undefined;
  });
}

export function trashIsFull(paths: Pick<Paths, 'trash'>): boolean {
  return trashed(paths).length > 0;
}

/**
 * Locks of sandboxes that are not there, which nobody holds. A command leaves one when it is killed before the record
 * of a new sandbox is written, or after that of an old one went; so does one that was told of a sandbox too late.
 */
export function lockRemains(paths: Pick<Paths, 'locks' | 'sandboxes'>): readonly string[] {
  const names = namesIn(paths.locks).filter(name => subjectOf(name) !== undefined);
  if (names.length === 0) return [];
  // Read after the locks: what is made meanwhile has its lock first.
  const ids = new Set<string>(readIds(paths));
  return names.filter(name => !ids.has(subjectOf(name) ?? '') && lockHolder(paths, name) === undefined);
}

/** Undefined for locks of something else, such as branches. */
export function subjectOf(lock: string): string | undefined {
  const id = /sb-[0-9a-f]{8}$/.exec(lock)?.[0];
  return id !== undefined && lockNamesOf(id).includes(lock) ? id : undefined;
}

function readTrash(paths: Pick<Paths, 'trash'>): readonly string[] {
  return namesIn(paths.trash);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

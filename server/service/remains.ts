// Tells at a glance whether a crash or an interrupted removal left something behind.
import { readdirSync } from 'node:fs';
import { isAbsence } from '../platform/files.ts';
import { identify } from '../platform/process.ts';
import type { Paths } from '../store/paths.ts';
import type { Entry } from '../store/sandboxes.ts';

const ASK_AGAIN_MS = 10_000;

export function needsTidying({ record, owner, stale }: Entry): boolean {
  if (wasUnreachable(record)) return false;
  return stale || (owner === undefined && isUnwanted({ record })) || record.forking !== undefined;
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

function readTrash(paths: Pick<Paths, 'trash'>): readonly string[] {
  try {
    return readdirSync(paths.trash);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

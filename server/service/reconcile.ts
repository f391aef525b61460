// Tidies up after crashes: what an owner left behind, and removals that were interrupted.

import { join } from 'node:path';
import { toSandboxError } from '../core/errors.ts';
import { stopOwner } from '../owner/stop.ts';
import { errorCodeOf } from '../platform/files.ts';
import { removeTree } from '../platform/removeTree.ts';
import { lockHolder, removeLock, withLock } from '../store/lock.ts';
import type { Paths } from '../store/paths.ts';
import { type Entry, listRecords, readEntry, readIds } from '../store/sandboxes.ts';
import { takeOver } from './attach.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { dropUnrecorded } from './dropSnapshots.ts';
import { forgetOwner } from './forget.ts';
import { undoForking } from './forkWorktrees.ts';
import { isUnwanted, lockRemains, needsTidying, subjectOf, trashed } from './remains.ts';
import { discard } from './remove.ts';
import { isUnattended } from './unattended.ts';

/** Never waits for another command and never fails: what cannot be tidied now is reported as it is. */
export async function tidy(deps: BaseDeps, entries: readonly Entry[]): Promise<void> {
  for (const { record } of entries.filter(needsTidying)) {
    await quietly(() =>
      withLock(deps.paths, `sandbox-${record.id}`, { wait: 'fail' }, () => tidyLocked(deps, record.id)),
    );
  }
  await quietly(() => emptyTrash(deps.paths));
  for (const name of lockRemains(deps.paths)) await quietly(() => clearLock(deps.paths, name));
}

/** Whoever waits for it meanwhile begins again, and then finds that the sandbox is gone, or makes a new one. */
async function clearLock(paths: Paths, name: string): Promise<void> {
  await withLock(paths, name, { wait: 'fail' }, async () => {
    const id = subjectOf(name);
    if (id !== undefined && !readIds(paths).includes(id)) removeLock(paths, name);
  });
}

/** The caller holds the sandbox's lock. */
export async function tidyLocked(deps: BaseDeps, id: string): Promise<void> {
  const { paths } = deps;
  const begun = await readEntry(paths, id);
  if (begun?.record.forking !== undefined) await undoForking(deps, begun.record);
  if (begun !== undefined) await dropUnrecorded(deps, begun);
  if (lockHolder(paths, `owner-${id}`) !== undefined) return;
  const entry = await readEntry(paths, id);
  if (entry === undefined) return;
  if (isUnwanted(entry)) {
    if (entry.stale) await forgetOwner(paths, entry);
    await discard(deps, entry);
    return;
  }
  if (isUnattended(entry)) await takeOver(deps, id);
  else if (entry.stale) await forgetOwner(paths, entry);
}

/** Frees a name that only the remains of an interrupted command have; otherwise changes nothing. */
export async function freeName(deps: BaseDeps, name: string, { signal }: CallContext): Promise<void> {
  const { paths } = deps;
  const { entries } = await listRecords(paths);
  const found = entries.find(entry => entry.record.name === name && isUnwanted(entry));
  if (found === undefined) return;
  const { id } = found.record;
  await quietly(() =>
    withLock(paths, `sandbox-${id}`, { wait: 'fail' }, async () => {
      const entry = await readEntry(paths, id);
      if (entry === undefined || !isUnwanted(entry)) return;
      // It ends by itself, because whoever asked for it is gone; this only waits until it has.
      await stopOwner(paths, entry, { graceMs: 0, reason: 'its client went away', signal });
      await tidyLocked(deps, id);
    }),
  );
}

async function emptyTrash(paths: Paths): Promise<void> {
  for (const name of trashed(paths)) {
    try {
      await removeTree(join(paths.trash, name));
    } catch (error) {
      // What the system refuses to remove is found by prune, and must not keep a list from being shown.
      if (errorCodeOf(error) === undefined) throw error;
    }
  }
}

async function quietly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // Busy: another command is at it. Storage: a list on a read-only disk still tells the truth. Anything else is a defect.
    if (toSandboxError(error).code === 'internal') throw error;
  }
}

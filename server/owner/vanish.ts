// The end of a throwaway: its owner takes everything of it away, whether or not anybody waits for that.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { toSandboxError } from '../core/errors.ts';
import { withLock } from '../store/lock.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import { lockNamesOf, readEntry, removeFolder } from '../store/sandboxes.ts';
import { destroyGuest, type Launch } from './launch.ts';
import type { Run } from './run.ts';

/** An engine that does not answer must not keep an owner without a guest alive. */
const DESTROY_MS = 30_000;

/** What cannot be taken away now is unwanted, and the next command finds it. */
export async function vanish({ paths, record: { id }, log }: Run, launch: Launch): Promise<void> {
  try {
    // Whoever holds the lock is making or removing it, and finishes that.
    await withLock(paths, `sandbox-${id}`, { wait: 'fail' }, () => takeAway(paths, id, launch));
  } catch (error) {
    log(`left to the next command: ${toSandboxError(error).message}`);
  }
}

async function takeAway(paths: Paths, id: string, launch: Launch): Promise<void> {
  const record = (await readEntry(paths, id))?.record;
  // Snapshots are let go of by whoever removes a sandbox.
  if (record === undefined || record.snapshots !== undefined || record.forks !== undefined) return;
  const residues = await destroyGuest({ ...launch, record, signal: AbortSignal.timeout(DESTROY_MS) });
  const [first] = residues;
  if (first !== undefined) return launch.log(`${first.what} cannot be removed: ${first.path}`);
  await removeFolder(paths, id);
  for (const name of locksBesideLease(id)) rmSync(join(paths.locks, name), { recursive: true, force: true });
}

/** Of a sandbox that is gone; the lease is the last thing that an owner lets go of. */
export function forgetLease(paths: Paths, id: string): void {
  if (existsSync(sandboxPaths(paths, id).folder)) return;
  rmSync(join(paths.locks, leaseOf(id)), { recursive: true, force: true });
}

function locksBesideLease(id: string): readonly string[] {
  return lockNamesOf(id).filter(name => name !== leaseOf(id));
}

function leaseOf(id: string): string {
  return `owner-${id}`;
}

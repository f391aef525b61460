// Clears away what an owner left behind that could not do it itself.
import { rm } from 'node:fs/promises';
import { OWNER_VANISHED, REBOOTED } from '../core/lifecycle.ts';
import { identifySelf } from '../platform/process.ts';
import { touchChanged } from '../store/changed.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import { readPreviousOwner } from '../store/read.ts';
import { type Entry, updateRecord } from '../store/sandboxes.ts';

/** The end is written before its evidence is removed, so that a second crash changes nothing. */
export async function forgetOwner(paths: Paths, { record }: Entry): Promise<void> {
  const { owner, runtime } = sandboxPaths(paths, record.id);
  const booted = readPreviousOwner(paths, record)?.boot_id;
  const rebooted = booted !== undefined && booted !== identifySelf().boot_id;
  const at = new Date().toISOString();
  await updateRecord(paths, record.id, known => ({
    ...known,
    last_end:
      known.intent !== 'running'
        ? { at, kind: 'stopped', reason: 'its owner was ended by force' }
        : rebooted
          ? { at, kind: 'stopped', reason: REBOOTED }
          : { at, kind: 'failed', reason: OWNER_VANISHED },
  }));
  await rm(runtime, { recursive: true, force: true });
  await rm(owner, { force: true });
  touchChanged(paths);
}

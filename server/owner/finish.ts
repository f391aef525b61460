// The end of a run: how the guest is ended, what is remembered of it, and what a failed start leaves.
import { existsSync } from 'node:fs';
import { type SandboxError, toSandboxError, withHint } from '../core/errors.ts';
import type { GuestEnd } from '../core/guest.ts';
import { OWNER_VANISHED, REBOOTED } from '../core/lifecycle.ts';
import { identifySelf } from '../platform/process.ts';
import { sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { updateRecord } from '../store/sandboxes.ts';
import type { End, Ending } from './ending.ts';
import { haltGuest } from './launch.ts';
import { outlives } from './life.ts';
import type { Parts, Run } from './run.ts';

/** A guest that is asked to end by a signal or a deadline gets this long. */
export const GRACE_MS = 5_000;

/** Its worktree stays; a sandbox that has the workspace in its own folder would take work with it. */
export function intentOf({ worktree }: SandboxRecord): Pick<End, 'intent'> {
  return worktree === undefined ? {} : { intent: 'removed' };
}

/** From now on the sandbox is there, whatever becomes of who asked for it. */
export async function made({ paths, record }: Run, ending: Ending): Promise<void> {
  const news = record.making ?? record.suspended ?? record.unreachable;
  if (news === undefined || ending.current() !== undefined) return;
  await updateRecord(paths, record.id, ({ making: _, suspended: __, unreachable: ___, ...known }) => known);
}

export async function finish(run: Run, parts: Parts): Promise<void> {
  const { state, ending, life, operations } = parts;
  const end = ending.current();
  if (end === undefined) return finishEnded(run, await life.ended);
  run.log(`stopping: ${end.reason}`);
  if (state.current().state === 'paused') {
    // Nobody inside can end in order while everything stands still.
    await operations.resume().catch((error: unknown) => {
      run.log(`cannot resume it for its end: ${toSandboxError(error).message}`);
    });
  }
  await state.change({ state: 'stopping' }).catch((error: unknown) => {
    // On a full disk, or when the store is gone, the guest still gets the time that it was promised.
    run.log(`cannot write that it stops: ${toSandboxError(error).message}`);
  });
  const { guest } = await life.live();
  const how = await guest.stop({ graceMs: end.graceMs });
  run.log(how.kind === 'stopped' && how.forced ? 'stopped by force' : 'stopped');
  await remember(run, end);
}

async function finishEnded(run: Run, how: GuestEnd): Promise<void> {
  const died: End =
    how.kind === 'died'
      ? { kind: 'failed', reason: how.reason }
      : { kind: 'stopped', reason: 'the guest ended' };
  run.log(`the guest ended: ${died.reason}`);
  await remember(run, died);
}

/** Its guest is no longer there, and the owner that could have said why is gone as well. */
export async function rememberGone(run: Run): Promise<void> {
  const { record, previous, log } = run;
  const rebooted = previous !== undefined && previous.boot_id !== identifySelf().boot_id;
  const end: End =
    record.intent !== 'running'
      ? { kind: 'stopped', reason: 'stopped on request' }
      : rebooted
        ? { kind: 'stopped', reason: REBOOTED }
        : { kind: 'failed', reason: `${OWNER_VANISHED}, and its guest ended while nobody watched` };
  log(`there is no guest to attach to: ${end.reason}`);
  await remember(run, end);
}

/**
 * Also when it was not the guest that failed: one that is still on its way must not come after us. A guest that runs
 * and cannot be reached now is left to the next owner.
 */
export async function giveUp(
  run: Run,
  { ending, life, launch, state }: Parts,
  cause: SandboxError,
): Promise<'nothing' | 'a guest'> {
  const asked = ending.current();
  ending.ask({ kind: 'failed', reason: 'the start failed' }, 0);
  // What came up and then could not be stopped runs on, when somebody else keeps it.
  const wasUp = state.current().state !== 'starting' && outlives(launch);
  if (run.mode === 'start' && state.current().problem === undefined && !wasUp) {
    try {
      await (await life.live()).guest.stop({ graceMs: 0 });
    } catch {
      // There is no guest, which is what was wanted.
    }
    await remember(run, asked ?? { kind: 'failed', reason: cause.message });
    return 'nothing';
  }
  const stop = asked ?? (run.record.intent === 'running' ? undefined : stoppedOnRequest);
  const free = { ...life.launch(), signal: AbortSignal.timeout(GRACE_MS) };
  const halted = stop !== undefined && (await haltGuest(free).catch(() => false));
  if (halted) {
    await remember(run, stop);
    return 'nothing';
  }
  const at = new Date().toISOString();
  await updateRecord(run.paths, run.record.id, known => ({
    ...known,
    unreachable: { at, reason: withHint(cause) },
  }));
  return 'a guest';
}

const stoppedOnRequest: End = { kind: 'stopped', reason: 'stopped on request' };

/** The record may be gone with its sandbox, which is no reason to fail at the end; that of a throwaway goes next. */
export async function remember({ paths, record, log }: Run, { kind, reason, intent }: End): Promise<void> {
  if (record.throwaway === true) return;
  // Even asking for the lock would bring back a part of a store that was removed.
  if (!existsSync(sandboxPaths(paths, record.id).record)) return;
  try {
    const at = new Date().toISOString();
    await updateRecord(paths, record.id, known => {
      // How something ended that is being removed, nobody will ask.
      if (known.intent === 'removed' && known.unreachable === undefined) return known;
      const { unreachable: _, ...rest } = known;
      return { ...rest, ...(intent === undefined ? {} : { intent }), last_end: { at, kind, reason } };
    });
  } catch (error) {
    log(`cannot write how it ended: ${toSandboxError(error).message}`);
  }
}

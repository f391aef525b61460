// The process that owns one running sandbox: takes the lease, starts the guest, serves it, and ends with it.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { findBackend } from '../backends/registry.ts';
import { SandboxError, toSandboxError } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import { EXPIRED, WALL_LIMIT } from '../core/lifecycle.ts';
import { bundle } from '../platform/bundle.ts';
import { ensureFolder } from '../platform/files.ts';
import { acquireLock, type Lock } from '../store/lock.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { readEntry, updateRecord } from '../store/sandboxes.ts';
import { type Deadline, watchDeadlines } from './deadlines.ts';
import { outliveDefects } from './defects.ts';
import { type AskedEnd, createEnding, type End, type Ending } from './ending.ts';
import { createHolds } from './holds.ts';
import { watchHome } from './home.ts';
import { startGuest } from './launch.ts';
import { type Log, openLog } from './log.ts';
import { serveOwner } from './serve.ts';
import { openStartPipe, type StartPipe } from './startPipe.ts';
import { createStateFile } from './state.ts';

/** A guest that is asked to end by a signal or a deadline gets this long. */
const GRACE_MS = 5_000;

/** Resolves with the exit status of the process, when everything of this run is gone. */
export async function runOwner(paths: Paths, id: string): Promise<number> {
  const files = sandboxPaths(paths, id);
  const abandoned = new AbortController();
  const pipe = openStartPipe(() => abandoned.abort());
  let lease: Lock | undefined;
  try {
    lease = await acquireLock(paths, `owner-${id}`, { wait: 'fail' });
    const entry = await readEntry(paths, id);
    if (entry === undefined) throw new SandboxError('sandbox-not-found', `there is no sandbox ${id}`);
    const log = openLog(files);
    await own({ paths, record: entry.record, pipe, abandoned: abandoned.signal, log });
    return 0;
  } catch (error) {
    await pipe.failed(toSandboxError(error));
    return 1;
  } finally {
    lease?.release();
  }
}

type Run = {
  readonly paths: Paths;
  readonly record: SandboxRecord;
  readonly pipe: StartPipe;
  readonly abandoned: AbortSignal;
  readonly log: Log;
};

async function own(run: Run): Promise<void> {
  const { paths, record, pipe, log } = run;
  const files = sandboxPaths(paths, record.id);
  log(`owner ${process.pid} of ${record.name} starts, build ${bundle.build}`);
  await ensureFolder(paths.run);
  await ensureFolder(files.runtime);
  const ending = createEnding();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => ending.ask({ kind: 'stopped', reason: `its owner got ${signal}` }, GRACE_MS));
  }
  const state = await createStateFile({ paths, files, attached: record.attached, build: bundle.build });
  const home = watchHome(files.record, () =>
    ending.ask({ kind: 'failed', reason: 'its record was removed' }, GRACE_MS),
  );
  const holds = createHolds(() =>
    ending.ask({ kind: 'stopped', reason: 'nobody held it any more', ...intentOf(record) }, GRACE_MS),
  );
  if (!record.attached) holds.release();
  let making = record.making === true;
  const onAbandoned = (): void => {
    if (making || state.current().attached)
      ending.ask({ kind: 'stopped', reason: 'its client went away' }, 0);
  };
  if (run.abandoned.aborted) onAbandoned();
  else run.abandoned.addEventListener('abort', onAbandoned);
  let doors: Awaited<ReturnType<typeof serveOwner>> | undefined;
  const started = startGuest({
    ...run,
    backend: findBackend(record.backend_type),
    signal: ending.signal,
    onReplaced: path => ending.ask({ kind: 'failed', reason: unguarded(path, record) }, 0),
  });
  // Whoever connects early waits for the guest; when it never comes, they and we hear why.
  started.catch(() => undefined);
  try {
    doors = await serveOwner({ record, files, guest: started, state, holds, ending, log });
    const guest = await started;
    await Promise.all([state.change({ state: 'running' }), made(run, ending)]);
    making = false;
    log('running');
    outliveDefects(log);
    pipe.ready();
    holds.begin();
    const deadlines = watchDeadlines(deadlinesOf(record), reason =>
      ending.ask({ kind: 'stopped', reason }, GRACE_MS),
    );
    const end = await Promise.race([ending.asked, guest.ended.then(() => undefined)]);
    deadlines.dispose();
    await finish(run, { guest, end, state, ending });
  } catch (error) {
    // Asked to end while it was starting: that, and not what broke because of it, is the reason.
    const asked = ending.current();
    const cause = toSandboxError(error);
    log(`failed to start: ${cause.message}`);
    await giveUp(started, ending);
    await remember(run, asked ?? { kind: 'failed', reason: cause.message });
    throw asked === undefined
      ? cause
      : new SandboxError('cancelled', `the start was given up: ${asked.reason}`);
  } finally {
    home.dispose();
    await doors?.close();
    await state.remove();
    await rm(files.runtime, { recursive: true, force: true });
    log('owner ends');
    ending.done();
  }
}

/** Its worktree stays; a sandbox that has the workspace in its own folder would take work with it. */
function intentOf({ worktree }: SandboxRecord): Pick<End, 'intent'> {
  return worktree === undefined ? {} : { intent: 'removed' };
}

function unguarded(path: string, { name }: SandboxRecord): string {
  return `${path} was replaced on the host, which takes away its protection inside; heyvm start ${name} protects it again`;
}

/** From now on the sandbox is there, whatever becomes of who asked for it. */
async function made({ paths, record }: Run, ending: Ending): Promise<void> {
  if (record.making === undefined || ending.current() !== undefined) return;
  await updateRecord(paths, record.id, ({ making: _, ...known }) => known);
}

/** Also when it was not the guest that failed: one that is still on its way must not come after us. */
async function giveUp(started: Promise<Guest>, ending: Ending): Promise<void> {
  ending.ask({ kind: 'failed', reason: 'the start failed' }, 0);
  try {
    await (await started).stop({ graceMs: 0 });
  } catch {
    // There is no guest, which is what was wanted.
  }
}

type Finish = {
  readonly guest: Guest;
  readonly end: AskedEnd | undefined;
  readonly state: Awaited<ReturnType<typeof createStateFile>>;
  readonly ending: Ending;
};

async function finish(run: Run, { guest, end, state, ending }: Finish): Promise<void> {
  if (end === undefined) {
    const how = await guest.ended;
    const died: End =
      how.kind === 'died'
        ? { kind: 'failed', reason: how.reason }
        : { kind: 'stopped', reason: 'the guest ended' };
    run.log(`the guest ended: ${died.reason}`);
    ending.finished(how.kind === 'stopped' && how.forced);
    await remember(run, died);
    return;
  }
  run.log(`stopping: ${end.reason}`);
  await state.change({ state: 'stopping' }).catch((error: unknown) => {
    // On a full disk, or when the store is gone, the guest still gets the time that it was promised.
    run.log(`cannot write that it stops: ${toSandboxError(error).message}`);
  });
  const how = await guest.stop({ graceMs: end.graceMs });
  run.log(how.kind === 'stopped' && how.forced ? 'stopped by force' : 'stopped');
  await remember(run, end);
  ending.finished(how.kind === 'stopped' && how.forced);
}

/** The record may be gone with its sandbox, which is no reason to fail at the end. */
async function remember({ paths, record, log }: Run, { kind, reason, intent }: End): Promise<void> {
  // Even asking for the lock would bring back a part of a store that was removed.
  if (!existsSync(sandboxPaths(paths, record.id).record)) return;
  try {
    const at = new Date().toISOString();
    await updateRecord(paths, record.id, known => ({
      ...known,
      ...(intent === undefined ? {} : { intent }),
      last_end: { at, kind, reason },
    }));
  } catch (error) {
    log(`cannot write how it ended: ${toSandboxError(error).message}`);
  }
}

function deadlinesOf(record: SandboxRecord): Deadline[] {
  const { ttl_seconds: ttl, limits } = record;
  return [
    ...(ttl === undefined ? [] : [{ seconds: ttl, reason: EXPIRED }]),
    ...(limits.wall === undefined ? [] : [{ seconds: limits.wall, reason: WALL_LIMIT }]),
  ];
}

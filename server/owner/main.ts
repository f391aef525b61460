// The process that owns one running sandbox: takes the lease, starts the guest or attaches to it, serves it, and ends with it.
import { rmSync } from 'node:fs';
import { findBackend } from '../backends/registry.ts';
import { SandboxError, toSandboxError } from '../core/errors.ts';
import { SIGNALLED } from '../core/lifecycle.ts';
import { dismissAhead } from '../platform/ahead.ts';
import { bundle } from '../platform/bundle.ts';
import { collectGarbage } from '../platform/collector.ts';
import { ensureFolder } from '../platform/files.ts';
import { acquireLock, type Lock } from '../store/lock.ts';
import { type Paths, type SandboxPaths, sandboxPaths } from '../store/paths.ts';
import { readPreviousOwner } from '../store/read.ts';
import type { SandboxRecord } from '../store/records.ts';
import { readEntry } from '../store/sandboxes.ts';
import { createCommand, type ProjectCommand } from './command.ts';
import { deadlinesOf, watchDeadlines } from './deadlines.ts';
import { outliveDefects } from './defects.ts';
import { createEnding, type Ending } from './ending.ts';
import { finish, GRACE_MS, giveUp, intentOf, made, rememberGone } from './finish.ts';
import { createHolds } from './holds.ts';
import { watchHome } from './home.ts';
import type { Launch } from './launch.ts';
import { beginLife } from './life.ts';
import { keepStrayWords, openLog } from './log.ts';
import { createOperations, createTurns } from './operations.ts';
import { type Published, publishPorts } from './publish.ts';
import type { Parts, Run } from './run.ts';
import { patient, serveOwner } from './serve.ts';
import type { Order, StartPipe } from './startPipe.ts';
import { createStateFile, type StateFile } from './state.ts';
import { forgetLease, vanish } from './vanish.ts';

/** Resolves with the exit status of the process, when everything of this run is gone. */
export async function runOwner(paths: Paths, pipe: StartPipe): Promise<number> {
  try {
    const order = await pipe.told;
    return order === undefined ? 0 : await follow(order, paths, pipe);
  } finally {
    await dismissAhead();
  }
}

async function follow(order: Order, paths: Paths, pipe: StartPipe): Promise<number> {
  const { id, mode, environment } = order;
  Object.assign(process.env, environment);
  process.title = `${process.argv.slice(0, 3).join(' ')} ${id}`;
  const files = sandboxPaths(paths, id);
  let lease: Lock | undefined;
  try {
    lease = await acquireLock(paths, `owner-${id}`, { wait: 'fail' });
    const entry = await readEntry(paths, id);
    if (entry === undefined) throw new SandboxError('sandbox-not-found', `there is no sandbox ${id}`);
    const previous = mode === 'attach' ? readPreviousOwner(paths, entry.record) : undefined;
    // Another one has looked in the meantime, and what it found out is in the record.
    if (mode === 'attach' && previous === undefined) return 0;
    keepStrayWords(files);
    const log = openLog(files);
    await own({ paths, record: entry.record, mode, previous, pipe, abandoned: pipe.lost, log });
    return 0;
  } catch (error) {
    await pipe.failed(toSandboxError(error));
    return 1;
  } finally {
    lease?.release();
    if (lease !== undefined) forgetLease(paths, id);
  }
}

async function own(run: Run): Promise<void> {
  const { paths, record, mode, log } = run;
  const files = sandboxPaths(paths, record.id);
  const verb = mode === 'start' ? 'starts' : 'attaches';
  log(`owner ${process.pid} of ${record.name} ${verb}, build ${bundle.build}`);
  const parts = await assemble(run);
  const { state, ending } = parts;
  const home = watchHome(files.record, () =>
    ending.ask({ kind: 'failed', reason: 'its record was removed' }, GRACE_MS),
  );
  let doors: { close(): Promise<void> } | undefined;
  let published: Published | undefined;
  let left: 'nothing' | 'a guest' = 'nothing';
  try {
    const guest = patient(record, parts);
    const command = createCommand({ paths, id: record.id, guest, log });
    published = await publishPorts(portsOf(run), {
      guest,
      log,
      taken: mode === 'start' ? 'refuse' : 'leave out',
    });
    doors = await serveOwner({ record, files, guest, log, command, ...parts });
    const beginning = await parts.life.begun;
    if (beginning.kind === 'ended') await rememberGone(run);
    else await lead(run, parts, { published, command });
  } catch (error) {
    const asked = ending.current();
    const cause = toSandboxError(error);
    log(`failed to ${mode}: ${cause.message}`);
    left = await giveUp(run, parts, cause);
    // Asked to end while it was starting: that, and not what broke because of it, is the reason.
    throw asked === undefined || left === 'a guest'
      ? cause
      : new SandboxError('cancelled', `the start was given up: ${asked.reason}`);
  } finally {
    home.dispose();
    published?.close();
    await doors?.close();
    if (left === 'nothing') {
      rmSync(files.runtime, { recursive: true, force: true });
      await state.remove();
      if (record.throwaway === true) await vanish(run, parts.launch);
    } else if (run.previous !== undefined) {
      // The guest may be listening in that folder, so it stays.
      await state.giveBack(run.previous);
    }
    log('owner ends');
  }
}

async function assemble(run: Run): Promise<Parts> {
  const { paths, record, mode, previous, log, pipe } = run;
  const files = sandboxPaths(paths, record.id);
  const ending = createEnding();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => ending.ask({ kind: 'stopped', reason: `${SIGNALLED} ${signal}` }, GRACE_MS));
  }
  const state = await createStateFile({
    paths,
    files,
    attached: record.attached,
    build: bundle.build,
    previous,
  });
  await makeRuntime(run, files, state);
  const turns = createTurns();
  const holds = createHolds(async () => {
    // One that is being suspended lets go of its holders by itself, and has its end coming.
    await turns.idle();
    ending.ask(
      { kind: 'stopped', reason: 'nobody held it any more', ...intentOf(record) },
      record.throwaway === true ? 0 : GRACE_MS,
    );
  });
  if (!state.current().attached) holds.release();
  watchClient(run, state, ending);
  const launch: Launch = {
    ...{ paths, record, log, signal: ending.signal, progress: pipe.progress },
    backend: findBackend(record.backend_type),
    guarded: previous?.guarded,
    onReplaced: path => ending.ask({ kind: 'failed', reason: unguarded(path, record) }, 0),
  };
  const life = beginLife({ launch, mode, state, ending, idle: turns.idle });
  const operations = createOperations({ paths, record, life, state, ending, turns });
  return { state, ending, holds, life, operations, idle: turns.idle, launch };
}

/** After the file that says so, as it goes before it: without that file nobody would look for what is left of an owner. */
async function makeRuntime({ paths }: Run, files: SandboxPaths, state: StateFile): Promise<void> {
  try {
    await ensureFolder(paths.run);
    await ensureFolder(files.runtime);
  } catch (error) {
    await state.remove();
    throw error;
  }
}

/** Who asks for an owner that attaches is not the one whom the sandbox was made for. */
function watchClient({ record, mode, abandoned }: Run, state: StateFile, ending: Ending): void {
  if (mode === 'attach') return;
  const onAbandoned = (): void => {
    const making = record.making === true && state.current().state === 'starting';
    if (making || state.current().attached)
      ending.ask({ kind: 'stopped', reason: 'its client went away' }, 0);
  };
  if (abandoned.aborted) onAbandoned();
  else abandoned.addEventListener('abort', onAbandoned);
}

/** By then whoever started it has done what it was started for, or begun to; what the start took is given back. */
const SETTLED_MS = 2_000;

type Serving = { readonly published: Published; readonly command: ProjectCommand };

/** From the moment when the guest is there to its end. */
async function lead(run: Run, parts: Parts, { published, command }: Serving): Promise<void> {
  const { record, mode, pipe, log } = run;
  const { state, ending, holds, life, launch } = parts;
  const paused = state.current().state === 'paused';
  const { guest, guarded } = paused ? { guest: undefined, guarded: launch.guarded } : await life.live();
  const external = launch.backend.manifest.capabilities.lifetime === 'external';
  // Before anybody is told, so that who reads the log because of that finds it there.
  log(paused ? 'attached, paused' : mode === 'start' ? 'running' : 'attached');
  await Promise.all([
    state.change({
      ...(paused ? {} : { state: 'running' as const }),
      ...(guest?.workspace === undefined ? {} : { workspace: guest.workspace }),
      ...(published.ports.length === 0 ? {} : { ports: [...published.ports] }),
      ...(external && guarded !== undefined ? { guarded: { ...guarded } } : {}),
    }),
    made(run, ending),
  ]);
  outliveDefects(log);
  pipe.ready();
  holds.begin();
  await dismissAhead();
  const settled = setTimeout(() => collectGarbage('thorough'), SETTLED_MS);
  if (record.project?.setup_done === true) command.startLater();
  // Whoever asked for the end had no owner to do it.
  if (mode === 'attach' && record.intent !== 'running')
    ending.ask({ kind: 'stopped', reason: 'stopped on request' }, GRACE_MS);
  const since = mode === 'attach' ? Date.parse(state.startedAt) : Date.now();
  const deadlines = watchDeadlines(deadlinesOf(record, since), reason =>
    ending.ask({ kind: 'stopped', reason }, GRACE_MS),
  );
  try {
    await Promise.race([ending.asked, life.ended]);
    await parts.idle();
  } finally {
    clearTimeout(settled);
    deadlines.dispose();
  }
  await finish(run, parts);
}

/** Where nobody named a port of this machine, an owner that takes over keeps the one that was chosen. */
function portsOf({ record, previous }: Run): NonNullable<SandboxRecord['ports']> {
  return (record.ports ?? []).map(port => {
    const known = previous?.ports?.find(({ guest }) => guest === port.guest);
    return port.host === undefined && known !== undefined ? { ...port, host: known.host } : port;
  });
}

function unguarded(path: string, { name }: SandboxRecord): string {
  return `${path} was replaced on the host, which takes away its protection inside; heyvm start ${name} protects it again`;
}

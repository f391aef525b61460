// Starts the owner of a sandbox and waits until its guest is there.
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { backends } from '../backends/registry.ts';
import { fromErrorInfo, SandboxError } from '../core/errors.ts';
import { errorCodeOf } from '../platform/files.ts';
import { ensureLib } from '../platform/lib.ts';
import type { Progress } from '../protocol/contract.ts';
import { parseJson } from '../protocol/parse.ts';
import { tailOf } from '../store/log.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import { type Candidate, type Surroundings, startCandidate } from './candidate.ts';
import { type Ordered, StartMessage } from './startPipe.ts';

export type StartOwner = Omit<Surroundings, 'paths'> & {
  readonly paths: Paths;
  readonly id: string;
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
};

/** The id of its backend, which may run its guests in programs of its own. */
type Needing = { readonly backend: string };

function runnersOf({ backend }: Needing): readonly string[] {
  return backends.find(({ manifest }) => manifest.id === backend)?.manifest.runners ?? [];
}

/** An owner that is told to give up has this long to clean up after itself. */
const GIVE_UP_MS = 5_000;

/** Resolves when the guest can run programs; failed or cancelled, the owner is gone. */
export async function startOwner(start: StartOwner & Needing): Promise<void> {
  const { signal } = start;
  const candidate = await candidateFor(start, runnersOf(start));
  const { child } = candidate;
  const ended = endOf(child);
  const giveUp = (): void => void endOwner(child, ended);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    signal.throwIfAborted();
    void tell(candidate, start, 'start');
    await hear(candidate, start);
    // The news that it is ready may come together with what made the caller give up, by which it was ended.
    signal.throwIfAborted();
  } catch (error) {
    await endOwner(child, ended);
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
    leave(candidate);
  }
}

/**
 * Starts an owner for a guest that runs already; `wait` answers when it has attached or found out that it cannot. It is
 * never ended from here, because its guest would end with it.
 */
export async function attachOwner(start: StartOwner, patience: 'wait' | 'leave'): Promise<void> {
  const { signal } = start;
  const candidate = await candidateFor(start);
  const told = tell(candidate, start, 'attach');
  if (patience === 'leave') return told.then(() => leave(candidate));
  const giveUp = (): void => leave(candidate);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await heard(candidate, start);
    signal.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
    leave(candidate);
  }
}

async function candidateFor(start: StartOwner, runners?: readonly string[]): Promise<Candidate> {
  const lib = await ensureLib(start.paths, start.bundle, runners);
  start.signal.throwIfAborted();
  return start.early?.take() ?? startCandidate(lib, start);
}

/** Resolves when it is on its way, which the end of this process does not change; one that is gone is found out otherwise. */
async function tell({ pipe }: Candidate, { id, env }: StartOwner, mode: Ordered['mode']): Promise<void> {
  const order: Ordered = { id, mode, environment: environmentOfBackends(env) };
  await new Promise<void>(resolve => pipe.ref().write(`${JSON.stringify(order)}\n`, () => resolve()));
}

/** How their daemons are reached is part of the surroundings in which a backend was found ready. */
function environmentOfBackends(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = backends.flatMap(({ manifest }) => manifest.environment ?? []);
  return Object.fromEntries(names.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]])));
}

function leave({ child, pipe }: Candidate): void {
  pipe.destroy();
  child.stderr?.destroy();
}

async function hear(candidate: Candidate, start: StartOwner): Promise<void> {
  if ((await heard(candidate, start)) === 'ready') return;
  const files = sandboxPaths(start.paths, start.id);
  throw new SandboxError('guest-failed', 'the owner of the sandbox ended before its guest was there', {
    hint: `see ${files.log}`,
    data: { log: `${tailOf(files, 20)}${await candidate.words()}` },
  });
}

/** Until it is ready, or ended without a word; what it failed with is thrown. */
async function heard({ pipe }: Candidate, start: StartOwner): Promise<'ready' | 'nothing'> {
  for await (const line of linesOf(pipe)) {
    const message = parseJson(StartMessage, line);
    if (!message.ok)
      throw new SandboxError('version-mismatch', `the owner said something unknown: ${message.problem}`);
    if ('ready' in message.value) return 'ready';
    if ('progress' in message.value) {
      // Who has cancelled hears no more of how it goes on.
      if (!start.signal.aborted) start.progress(message.value.progress);
    } else throw fromErrorInfo(message.value.error, 'the owner failed');
  }
  return 'nothing';
}

async function* linesOf(pipe: Socket): AsyncGenerator<string> {
  let buffered = '';
  pipe.setEncoding('utf8');
  try {
    for await (const chunk of pipe) {
      const lines = (buffered + String(chunk)).split('\n');
      buffered = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    // A process that is killed before it has read what it was told resets the pipe, which says no more than its end.
    if (errorCodeOf(error) === undefined) throw error;
  }
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise<void>(resolve => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

/** First asks, then insists; its guest dies with it. */
async function endOwner(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), GIVE_UP_MS);
  await ended;
  clearTimeout(force);
}

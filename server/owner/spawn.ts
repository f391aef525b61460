// Starts the owner of a sandbox and waits until its guest is there.
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { backends } from '../backends/registry.ts';
import { fromErrorInfo, SandboxError } from '../core/errors.ts';
import { type Bundle, ensureLib, ownerProgram } from '../platform/bundle.ts';
import { allowedEnvironment } from '../platform/run.ts';
import { spawnDetached } from '../platform/spawn.ts';
import type { Progress } from '../protocol/contract.ts';
import { parseJson } from '../protocol/parse.ts';
import { tailOf } from '../store/log.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import { StartMessage } from './startPipe.ts';

export type StartOwner = {
  readonly paths: Paths;
  readonly id: string;
  readonly env: NodeJS.ProcessEnv;
  readonly bundle: Bundle;
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

/**
 * Small heaps: an owner moves bytes and keeps none; large enough that nothing is collected while it starts, which is
 * made up for when it has. And nothing is compiled in the background, because a Node that
 * ends meanwhile may wait for its compiler for ever, and the compiler for it. The engine's memory reducer would wake an
 * idle owner every eight seconds and finds nothing in so small a heap.
 */
const nodeFlags = [
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
  '--no-concurrent-recompilation',
  '--no-memory-reducer',
  '--disable-warning=ExperimentalWarning',
];

/** Resolves when the guest can run programs; failed or cancelled, the owner is gone. */
export async function startOwner(start: StartOwner & Needing): Promise<void> {
  const { paths, id, signal } = start;
  const lib = await ensureLib(paths, start.bundle, runnersOf(start));
  signal.throwIfAborted();
  const log = openSync(sandboxPaths(paths, id).log, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawnDetached([process.execPath, ...nodeFlags, ownerProgram(lib), '__sandbox_owner', id], {
      cwd: '/',
      env: ownerEnvironment(start),
      stdio: ['ignore', log, log, 'pipe'],
    });
  } finally {
    closeSync(log);
  }
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const giveUp = (): void => void endOwner(child, ended);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await hear(child, start);
    // The news that it is ready may come together with what made the caller give up, by which it was ended.
    signal.throwIfAborted();
  } catch (error) {
    await endOwner(child, ended);
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
    child.stdio[START_PIPE]?.destroy();
  }
}

/**
 * Starts an owner for a guest that runs already; `wait` answers when it has attached or found out that it cannot. It is
 * never ended from here, because its guest would end with it.
 */
export async function attachOwner(start: StartOwner, patience: 'wait' | 'leave'): Promise<void> {
  const { paths, id, signal } = start;
  const lib = await ensureLib(paths, start.bundle);
  const log = openSync(sandboxPaths(paths, id).log, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawnDetached(
      [process.execPath, ...nodeFlags, ownerProgram(lib), '__sandbox_owner', id, 'attach'],
      {
        cwd: '/',
        env: ownerEnvironment(start),
        stdio: ['ignore', log, log, patience === 'wait' ? 'pipe' : 'ignore'],
      },
    );
  } finally {
    closeSync(log);
  }
  child.on('error', () => undefined);
  if (patience === 'leave') return;
  const pipe = child.stdio[START_PIPE] as Readable;
  const leave = (): void => void pipe.destroy();
  signal.addEventListener('abort', leave, { once: true });
  try {
    await heard(child, start);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', leave);
    pipe.destroy();
  }
}

const START_PIPE = 3;

async function hear(child: ChildProcess, start: StartOwner): Promise<void> {
  if ((await heard(child, start)) === 'ready') return;
  throw new SandboxError('guest-failed', 'the owner of the sandbox ended before its guest was there', {
    hint: `see ${sandboxPaths(start.paths, start.id).log}`,
    data: { log: tailOf(sandboxPaths(start.paths, start.id), 20) },
  });
}

/** Until it is ready, or ended without a word; what it failed with is thrown. */
async function heard(child: ChildProcess, start: StartOwner): Promise<'ready' | 'nothing'> {
  const pipe = child.stdio[START_PIPE] as Readable;
  pipe.on('error', () => undefined);
  let buffered = '';
  pipe.setEncoding('utf8');
  for await (const chunk of pipe) {
    buffered += String(chunk);
    const lines = buffered.split('\n');
    buffered = lines.pop() ?? '';
    for (const line of lines) {
      const message = parseJson(StartMessage, line);
      if (!message.ok)
        throw new SandboxError('version-mismatch', `the owner said something unknown: ${message.problem}`);
      if ('ready' in message.value) return 'ready';
      if ('progress' in message.value) start.progress(message.value.progress);
      else throw fromErrorInfo(message.value.error, 'the owner failed');
    }
  }
  return 'nothing';
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

/** For the GNU C library, which otherwise keeps what buffers took; elsewhere it means nothing. */
const smallMemory = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

/** What the guest's own needs are does not come from here: an owner sees as little of the caller as it can. */
function ownerEnvironment({ paths, env }: StartOwner): Record<string, string> {
  return {
    ...allowedEnvironment(env),
    ...environmentOfBackends(env),
    HEYO_HOME: paths.home,
    NODE_COMPILE_CACHE: join(paths.cache, 'node'),
    ...smallMemory,
    ...(process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
  };
}

/** How their daemons are reached is part of the surroundings in which a backend was found ready. */
function environmentOfBackends(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = backends.flatMap(({ manifest }) => manifest.environment ?? []);
  return Object.fromEntries(names.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]])));
}

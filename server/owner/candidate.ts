// A process that will own a sandbox and is not told yet which one: it loads its program while that is found out. Until
// then it has no lease and writes nothing, and it ends when whoever started it ends or has no use for it.
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Runner } from '../platform/ahead.ts';
import { type Bundle, libOf, ownerProgram } from '../platform/bundle.ts';
import { allowedEnvironment } from '../platform/environment.ts';
import { spawnDetached } from '../platform/spawn.ts';
import type { Paths } from '../store/paths.ts';

export type Surroundings = {
  readonly paths: Pick<Paths, 'home' | 'cache' | 'lib'>;
  readonly env: NodeJS.ProcessEnv;
  readonly bundle: Bundle;
  /** Started by whoever knew first that an owner would be needed. */
  readonly early?: Expected | undefined;
  /** What its guest will probably run in, which it starts before it is told. */
  readonly ahead?: Runner | undefined;
};

export type Candidate = {
  readonly child: ChildProcess;
  /** Both ways: it is told what to own, and tells how far it is. */
  readonly pipe: Socket;
  /** Whether it starts something before it is told. */
  readonly ahead: boolean;
  /** What it said without meaning to before it had a log, once it has one or has ended. */
  words(): Promise<string>;
};

export type Expected = {
  /** From then on it is whoever took it that ends it. */
  take(): Candidate | undefined;
  /** Ends it, unless it was taken, and resolves when it is gone. */
  dismiss(): Promise<void>;
};

declare global {
  /** From the program that starts the command line to the command line, which are two bundles in one process. */
  var heyvmOwner: Expected | undefined;
}

/** It serves the first owner that `work` starts. */
export async function expectingOwner<D extends Surroundings, T>(
  deps: D,
  work: (deps: D & { readonly early: Expected }) => Promise<T>,
): Promise<T> {
  const early = expectOwner(deps);
  try {
    return await work({ ...deps, early });
  } finally {
    await early.dismiss();
  }
}

/** Where this build has not been copied yet there is nothing to start, and the first start makes up for it. */
export function expectOwner(from: Surroundings): Expected {
  const lib = libOf(from.paths, from.bundle);
  let candidate =
    from.early?.take() ?? (existsSync(ownerProgram(lib)) ? startCandidate(lib, from) : undefined);
  const take = (): Candidate | undefined => {
    const taken = candidate;
    candidate = undefined;
    return taken;
  };
  return {
    take,
    dismiss: async () => {
      const unused = take();
      if (unused !== undefined) await end(unused);
    },
  };
}

/** When its pipe closes it ends by itself, together with what it started ahead. */
async function end({ child, pipe, ahead }: Candidate): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  if (ahead) pipe.destroy();
  else child.kill('SIGKILL');
  const force = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await ended;
  clearTimeout(force);
}

const PATIENCE_MS = 5_000;

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

/** The number of the pipe over which an owner is told what it owns. */
export const START_PIPE = 3;

const WORDS_LIMIT = 4_000;

/** Keeps nobody alive who does not wait for it. */
export function startCandidate(lib: string, from: Surroundings): Candidate {
  const { name, flags = [] } = from.ahead ?? {};
  const words = ['__sandbox_owner', ...(name === undefined ? [] : [name, ...flags])];
  const child = spawnDetached([process.execPath, ...nodeFlags, ownerProgram(lib), ...words], {
    cwd: '/',
    env: environmentOf(from),
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  child.on('error', () => undefined);
  const stderr = child.stdio[2] as Socket;
  const pipe = child.stdio[START_PIPE] as Socket;
  for (const stream of [stderr, pipe]) stream.on('error', () => undefined).unref();
  return { child, pipe, ahead: name !== undefined, words: wordsOf(stderr) };
}

function wordsOf(stderr: Socket): () => Promise<string> {
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-WORDS_LIMIT);
  });
  const closed = new Promise(resolve => stderr.once('close', resolve));
  return async () => {
    stderr.ref();
    await closed;
    return said;
  };
}

/** For the GNU C library, which otherwise keeps what buffers took; elsewhere it means nothing. */
const smallMemory = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

/** What the guest's own needs are does not come from here: an owner sees as little of the caller as it can. */
function environmentOf({ paths, env }: Surroundings): Record<string, string> {
  return {
    ...allowedEnvironment(env),
    HEYO_HOME: paths.home,
    NODE_COMPILE_CACHE: join(paths.cache, 'node'),
    ...smallMemory,
    ...(process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
  };
}

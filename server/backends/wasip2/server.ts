// The server of a sandbox whose component handles HTTP requests: started with it, and again whenever it ends.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../../core/errors.ts';
import { errorCodeOf } from '../../platform/files.ts';
import { connect } from '../../platform/sockets.ts';
import { answerOf, startChild } from './child.ts';
import type { ServeOrders } from './inside/orders.ts';
import type { Started } from './plan.ts';

export type Server = {
  readonly port: number;
  connect(): Promise<Socket>;
  /** Resolves when it does not come up again, with the reason. */
  readonly given: Promise<string>;
  stop(): Promise<void>;
};

export type Serving = {
  readonly started: Started;
  readonly orders: ServeOrders;
  readonly port: number;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
};

/** One that ends again and again, each time before it has lived this long, is given up. */
const STEADY_MS = 5_000;
const TRIES = 5;
const PAUSE_MS = 50;

/** Resolves when it can be asked. */
export async function startServer(serving: Serving): Promise<Server> {
  const given = Promise.withResolvers<string>();
  let stopping = false;
  let child = await start(serving);
  let up: Promise<unknown> = Promise.resolve();
  const watch = async (): Promise<void> => {
    let short = 0;
    while (!stopping) {
      const since = Date.now();
      const [code, signal] = await ended(child);
      if (stopping) return;
      short = Date.now() - since < STEADY_MS ? short + 1 : 1;
      serving.log(`the server ended with ${signal ?? `code ${code}`}`);
      if (short > TRIES) return given.resolve('its server ended again and again');
      const again = delay(PAUSE_MS * 2 ** short).then(() => start(serving));
      up = again;
      child = await again;
      serving.log('the server was started again');
    }
  };
  const watched = watch().catch((error: unknown) =>
    given.resolve(`its server did not start again: ${String(error)}`),
  );
  return {
    port: serving.port,
    given: given.promise,
    connect: async () => {
      await up;
      try {
        return await connect(serving.orders.socket);
      } catch (error) {
        const code = errorCodeOf(error);
        if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
        return fail('not-running', 'the server of the sandbox has just ended', {
          hint: 'try again in a moment',
        });
      }
    },
    stop: async () => {
      stopping = true;
      const last = child;
      last.kill('SIGKILL');
      await Promise.all([ended(last), watched]);
      // The one that was about to be started again.
      child.kill('SIGKILL');
      await ended(child);
    },
  };
}

async function start({ started, orders, log, signal }: Serving): Promise<ChildProcess> {
  // One that was killed has left it, and another cannot listen in its place.
  rmSync(orders.socket, { force: true });
  const child = startChild({ started, orders });
  child.stdin?.end();
  const last = follow(child, log);
  const give = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', give, { once: true });
  try {
    const answer = await answerOf(child);
    signal.throwIfAborted();
    if (answer?.kind === 'ready') return child;
    return fail('guest-failed', `the server did not start: ${last() || 'it ended without a word'}`);
  } finally {
    signal.removeEventListener('abort', give);
  }
}

/** What it writes is the log of the sandbox. */
function follow({ stdout, stderr }: ChildProcess, log: (line: string) => void): () => string {
  let last = '';
  for (const stream of [stdout, stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = (lines.pop() ?? '').slice(-LONGEST_LINE);
      for (const line of lines.filter(Boolean)) {
        last = line;
        log(`guest: ${line}`);
      }
    });
    stream?.once('end', () => {
      if (rest !== '') log(`guest: ${rest}`);
    });
  }
  return () => last;
}

const LONGEST_LINE = 64 * 1024;

async function ended(child: ChildProcess): Promise<readonly [number | null, string | null]> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return [child.exitCode, child.signalCode];
}

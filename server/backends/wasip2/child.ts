// A process of this backend, as its owner sees it: the orders go down a line, and answers come back on it.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { fail } from '../../core/errors.ts';
import type { GuestProcess } from '../../core/guest.ts';
import { spawnChild } from '../../platform/spawn.ts';
import type { ExitStatus, SignalName } from '../../protocol/exec.ts';
import { parseJson } from '../../protocol/parse.ts';
import { Answer, LINE, type Orders, type PrepareOrders } from './inside/orders.ts';
import type { Started } from './plan.ts';

type Starting = {
  readonly started: Started;
  /** Without them it is no program of ours. */
  readonly orders?: Orders | PrepareOrders | undefined;
  /** A file that it is given open. */
  readonly source?: number;
};

export function startChild({ started, orders, source }: Starting): ChildProcess {
  const line = orders === undefined ? 'ignore' : 'pipe';
  const child = spawnChild(started.argv, {
    env: started.env,
    stdio: ['pipe', 'pipe', 'pipe', line, ...(source === undefined ? [] : [source])],
  });
  const to = child.stdio[LINE];
  if (to instanceof Writable) {
    // It may end before it has read them, and says so by its end.
    to.on('error', () => {});
    to.write(`${JSON.stringify(orders)}\n`);
  }
  child.stdin?.on('error', () => {
    // It ended without reading everything, which is its right.
  });
  return child;
}

/** The first answer; undefined when it ends without one. */
export async function answerOf(child: ChildProcess): Promise<Answer | undefined> {
  let said = '';
  const line = child.stdio[LINE] as Readable;
  const whole = new Promise<void>(resolve => {
    line.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      if (said.includes('\n')) resolve();
    });
  });
  await Promise.race([
    whole,
    once(child, 'close'),
    once(child, 'error').then(([error]) => Promise.reject(error)),
  ]);
  const parsed = parseJson(Answer, said);
  return parsed.ok ? parsed.value : undefined;
}

/** Programs of WebAssembly know no signals: whatever tells one to end ends it. */
export function processOf(child: ChildProcess): GuestProcess {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null)
    return fail('internal', 'a process without streams');
  (child.stdio[LINE] as Readable | null)?.resume();
  let asked: SignalName | undefined;
  const exited = new Promise<ExitStatus>(resolve => {
    child.once('error', () => resolve({ kind: 'signalled', signal: 'KILL' }));
    child.once('close', (code: number | null, signal: string | null) => {
      if (code !== null) return resolve({ kind: 'exited', code });
      resolve({ kind: 'signalled', signal: asked ?? signal?.replace(/^SIG/, '') ?? 'KILL' });
    });
  });
  const end = (name: SignalName): void => {
    asked ??= name;
    child.kill('SIGKILL');
  };
  return {
    stdin,
    // Read at once as far as there is room, so that a program ends whose output nobody wants yet.
    stdout: stdout.pipe(new PassThrough({ highWaterMark: OUTPUT_BUFFER })),
    stderr: stderr.pipe(new PassThrough({ highWaterMark: OUTPUT_BUFFER })),
    exited,
    signal: async name => {
      if (name === 'STOP' || name === 'TSTP') child.kill('SIGSTOP');
      else if (name === 'CONT') child.kill('SIGCONT');
      else if (name !== 'WINCH') end(name);
    },
    resize: async () => {},
    hangUp: () => end('HUP'),
  };
}

const OUTPUT_BUFFER = 256 * 1024;

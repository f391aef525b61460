// Joins a program of a guest with this process: its three streams, its signals, and its end.
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { GuestProcess } from '../core/guest.ts';
import type { ExitStatus } from '../protocol/exec.ts';
import type { Interrupts } from './interrupts.ts';
import { streamOf } from './outlets.ts';

/** Resolves when the program has ended and all it wrote was handed over. */
export async function stream(
  child: GuestProcess,
  interrupts: Interrupts,
  bound?: InputBound,
): Promise<ExitStatus> {
  const giveBack = interrupts.divert(name => void child.signal(name).catch(ignore));
  const input = feed(process.stdin, child.stdin, bound);
  try {
    const outputs = [drain(child.stdout, streamOf('stdout')), drain(child.stderr, streamOf('stderr'))];
    const status = await child.exited;
    await Promise.all(outputs);
    return status;
  } finally {
    input.stop();
    giveBack();
  }
}

/** How much input is passed on, and who hears that there was more. */
export type InputBound = { readonly mostBytes: number; readonly onMore: () => void };

/** Passes input on until it ends or the program no longer reads; the end is passed on too. */
export function feed(from: Readable, to: Writable, bound?: InputBound): { stop(): void } {
  let passed = 0;
  const count = (chunk: Buffer): void => {
    passed += chunk.length;
    if (bound === undefined || passed <= bound.mostBytes) return;
    stop();
    bound.onMore();
  };
  const stop = (): void => {
    from.off('data', count);
    from.unpipe(to);
    from.pause();
  };
  to.on('error', stop);
  from.on('error', () => to.end());
  if (bound !== undefined) from.on('data', count);
  from.pipe(to);
  return { stop };
}

/** Copies with back-pressure: as much as our reader takes, and no more. */
async function drain(from: Readable, to: Writable): Promise<void> {
  for await (const chunk of from) if (!to.write(chunk)) await once(to, 'drain');
}

function ignore(): void {
  // A program that has ended needs no signal.
}

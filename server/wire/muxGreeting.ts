// The beginning of a multiplexed stream: both sides throw away what was on its way and agree on a session.
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { fail } from '../core/errors.ts';
import { MUX_MAGIC, SESSION_NAME } from './muxFrames.ts';

/** A guest that is still booting may lose what was sent before it listened; it ignores what it has heard already. */
const REPEAT_MS = 1000;

/** Answers what came after the guest's greeting; the stream is paused then. A failure destroys the stream. */
export async function greet(stream: Duplex, signal: AbortSignal | undefined): Promise<Buffer> {
  const greeting = Buffer.concat([MUX_MAGIC, randomBytes(SESSION_NAME)]);
  try {
    return await answered(stream, greeting, signal);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

async function answered(stream: Duplex, greeting: Buffer, signal: AbortSignal | undefined): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let rest: Buffer = Buffer.alloc(0);
  const look = (chunk: Buffer): void => {
    const bytes = Buffer.concat([rest, chunk]);
    const at = bytes.indexOf(greeting);
    rest = bytes.subarray(-greeting.length);
    if (at < 0) return;
    stream.pause().off('data', look);
    resolve(bytes.subarray(at + greeting.length));
  };
  const gone = (cause?: unknown): void => reject(cause ?? new Error('the stream ended'));
  const aborted = (): void => reject(signal?.reason);
  const say = (): void => {
    if (stream.writableLength === 0) stream.write(greeting);
  };
  const repeat = setInterval(say, REPEAT_MS);
  stream.on('data', look).on('error', gone).on('end', gone).on('close', gone);
  signal?.addEventListener('abort', aborted);
  try {
    if (signal?.aborted === true) aborted();
    if (stream.destroyed || stream.readableEnded) gone();
    else say();
    return await promise;
  } catch (error) {
    return explain(error, signal);
  } finally {
    clearInterval(repeat);
    signal?.removeEventListener('abort', aborted);
    stream.off('data', look).off('error', gone).off('end', gone).off('close', gone);
  }
}

function explain(error: unknown, signal: AbortSignal | undefined): never {
  if (signal?.aborted === true) {
    if (error instanceof Error && error.name !== 'TimeoutError') throw error;
    return fail('timeout', 'the guest program does not answer', {
      hint: 'look at the log: the guest may still be starting, or it cannot run the program',
      cause: error,
    });
  }
  return fail('not-running', 'the line to the sandbox was closed before the guest program answered', {
    hint: 'look at its state and log: it is ending or has ended',
    cause: error,
  });
}

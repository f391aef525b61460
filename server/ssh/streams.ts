// Byte pumps between ssh channels and guests, with back-pressure in both directions and errors that stay here.
import type { Duplex, Readable, Writable } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import { notePassed } from '../wire/spentBuffers.ts';

/** A client may grant a huge window and then not read; beyond this much unsent data nothing is taken from a guest. */
const MOST_UNSENT = 1024 * 1024;

/** The connection that carries the channels. */
export type Transport = {
  /** Calls back when the connection is gone; the answer takes that back, lest ended channels pile up here. */
  onClose(act: () => void): () => void;
  /** Resolves at once unless too much is waiting to be sent. */
  writable(): Promise<void>;
  /** Makes one system call of the many small writes that `work` causes. */
  together(work: () => void): void;
};

export function transportOver(stream: Duplex): Transport {
  const acts = new Set<() => void>();
  stream.once('close', () => {
    for (const act of acts) act();
  });
  const onClose = (act: () => void) => {
    if (stream.closed) queueMicrotask(act);
    else acts.add(act);
    return () => {
      acts.delete(act);
    };
  };
  let draining: Promise<void> | undefined;
  const drained = () =>
    new Promise<void>(resolve => {
      const done = () => {
        stream.off('drain', done);
        forget();
        draining = undefined;
        resolve();
      };
      stream.on('drain', done);
      const forget = onClose(done);
    });
  return {
    onClose,
    writable() {
      if (stream.writableLength < MOST_UNSENT || !stream.writableNeedDrain) return Promise.resolve();
      draining ??= drained();
      return draining;
    },
    together(work) {
      stream.cork();
      process.nextTick(() => stream.uncork());
      work();
    },
  };
}

export type Output = {
  write(to: 'data' | 'stderr', chunk: Buffer): Promise<void>;
  /** Whether the channel is gone; what is written then is dropped. */
  readonly ended: boolean;
  /** Releases whoever waits in `write`. */
  end(): void;
};

/**
 * The only writer of a channel. One chunk is under way at a time, and ssh2's memory of the one before is cleared:
 * ssh2 keeps the rest of a chunk that met a full window, never forgets it, and would send it once more when the
 * other of the two streams meets a full window.
 */
export function outputOf(channel: ServerChannel, transport: Transport): Output {
  let ended = false;
  let release = () => {};
  let tail = Promise.resolve();

  const send = (to: 'data' | 'stderr', chunk: Buffer) =>
    new Promise<void>(resolve => {
      if (ended) return resolve();
      release = resolve;
      const target = to === 'data' ? channel : (channel.stderr as Writable);
      transport.together(() => target.write(chunk, () => resolve()));
    });

  const write = async (to: 'data' | 'stderr', chunk: Buffer) => {
    await send(to, chunk);
    for (const memory of ['_chunk', '_chunkcb', '_chunkErr', '_chunkcbErr'])
      Reflect.set(channel, memory, undefined);
    if (!ended) await transport.writable();
  };

  return {
    get ended() {
      return ended;
    },
    write(to, chunk) {
      tail = tail.then(() => write(to, chunk));
      return tail;
    },
    end() {
      ended = true;
      release();
    },
  };
}

/** Copies a guest's stream to a channel to its end; a stream that breaks ends like any other. */
export async function copyOut(source: Readable, output: Output, to: 'data' | 'stderr'): Promise<void> {
  try {
    for await (const chunk of source) {
      if (output.ended) break;
      notePassed(chunk.length);
      await output.write(to, chunk);
    }
  } catch {
    // The guest side reports its end by other means: an exit status, or the channel's close.
  }
}

/** Copies what a client sends to a guest; when nobody reads there, the rest is thrown away. */
export function copyIn(channel: Readable, sink: Writable): void {
  let gone = false;
  const discard = () => {
    gone = true;
    channel.resume();
  };
  sink.on('error', discard).on('close', discard);
  sink.on('drain', () => channel.resume());
  channel.on('data', (chunk: Buffer) => {
    notePassed(chunk.length);
    if (!gone && !sink.write(chunk)) channel.pause();
  });
  channel.on('end', () => {
    if (!gone) sink.end();
  });
}

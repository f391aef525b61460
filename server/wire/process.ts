// One program at the other end of a connection, as streams with back-pressure.
//
// Both outputs come through one connection. When the reader of one of them falls behind by more than its buffer,
// the connection is not read any further, and the other output waits with it. Whoever does not want an output
// calls `resume()` on it, as with a child process of Node.
import { type Duplex, Readable, Writable } from 'node:stream';
import type { GuestProcess } from '../core/guest.ts';
import { ExitStatus } from '../protocol/exec.ts';
import { parseJson } from '../protocol/parse.ts';
import { createDecoder } from './decoder.ts';
import { stdinEndFrame, writeBytes } from './encoder.ts';
import { FrameType } from './frames.ts';
import { onItsOwn } from './heldBytes.ts';

const OUTPUT_BUFFER = 256 * 1024;

/** What is left to say when the connection broke: the guest hangs the program up. */
const LOST: ExitStatus = { kind: 'signalled', signal: 'HUP' };

/** Takes over a connection on which a program was started. A connection that breaks counts as ended by HUP. */
export function attachProcess(
  socket: Duplex,
  control: Pick<GuestProcess, 'signal' | 'resize'>,
): GuestProcess {
  let status: ExitStatus | undefined;
  const full = new Set<Readable>();
  const output = (): Readable => {
    const forget = (): void => {
      if (full.delete(stream) && full.size === 0) socket.resume();
    };
    const stream: Readable = new Readable({
      highWaterMark: OUTPUT_BUFFER,
      read: forget,
      destroy: (error, done) => {
        forget();
        done(error);
      },
    });
    return stream;
  };
  const stdout = output();
  const stderr = output();
  const stdin = inputOver(socket);
  const { promise: exited, resolve } = Promise.withResolvers<ExitStatus>();
  const finish = (ended: ExitStatus): void => {
    if (status !== undefined) return;
    status = ended;
    for (const stream of [stdout, stderr]) if (!stream.destroyed) stream.push(null);
    resolve(ended);
    socket.destroy();
  };
  const decode = createDecoder({
    bytes(type, piece) {
      // Whoever sends output after the exit breaks the protocol, and a stream that has ended would throw.
      if (status !== undefined) return;
      const stream = type === FrameType.stderr ? stderr : stdout;
      if (stream.destroyed || stream.push(onItsOwn(piece))) return;
      full.add(stream);
      socket.pause();
    },
    message(type, payload) {
      if (type === FrameType.exit) finish(readStatus(payload));
    },
  });
  socket.on('data', chunk => {
    try {
      decode(chunk);
    } catch {
      // What follows a broken frame means nothing, so that the connection counts as lost.
      finish(LOST);
    }
  });
  socket.on('end', () => finish(LOST)).on('close', () => finish(LOST));
  if (socket.destroyed) finish(LOST);
  return {
    stdin,
    stdout,
    stderr,
    exited,
    signal: async name => (status === undefined ? control.signal(name) : undefined),
    resize: async size => (status === undefined ? control.resize(size) : undefined),
    hangUp: () => finish(LOST),
  };
}

/** Bytes for a program that has ended, or that does not want them any more, are thrown away without an error. */
function inputOver(socket: Duplex): Writable {
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    if (socket.writable) socket.write(stdinEndFrame);
  };
  return new Writable({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, done) {
      if (!socket.writable) return done();
      writeBytes(socket, FrameType.stdin, chunk, () => done());
    },
    final(done) {
      close();
      done();
    },
    destroy(error, done) {
      close();
      done(error);
    },
  });
}

function readStatus(payload: Buffer): ExitStatus {
  const parsed = parseJson(ExitStatus, payload.toString());
  return parsed.ok ? parsed.value : LOST;
}

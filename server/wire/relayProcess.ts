// Relays one running program and the client that started it, no faster than the slower side.
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { GuestProcess } from '../core/guest.ts';
import { createDecoder, FrameError } from './decoder.ts';
import { encodeMessage, writeBytes } from './encoder.ts';
import { FrameType } from './frames.ts';

/** While a connection is not read its end goes unnoticed, so that it is probed now and then. */
const PROBE_MS = 10_000;

/** Resolves when the client has got the exit or has left; a client that leaves early hangs the program up. */
export async function relayProcess(socket: Socket, process: GuestProcess): Promise<void> {
  const left = new Promise<'left'>(resolve => {
    if (socket.destroyed) resolve('left');
    // The end of input has its own frame, so that a client that half-closes has left as well.
    socket.once('end', () => resolve('left')).once('close', () => resolve('left'));
  });
  process.stdin.on('error', () => {});
  const outputs = [
    relayOutput(socket, process.stdout, FrameType.stdout),
    relayOutput(socket, process.stderr, FrameType.stderr),
  ];
  relayInput(socket, process);
  const ended = Promise.all([process.exited, ...outputs]).then(([status]) => status);
  const status = await Promise.race([ended, left]);
  if (status === 'left') {
    process.hangUp();
    socket.destroy();
    return;
  }
  socket.end(encodeMessage(FrameType.exit, status));
  socket.resume();
}

/** Resolves when the stream has given everything. */
function relayOutput(socket: Socket, stream: Readable, type: FrameType): Promise<void> {
  return new Promise(resolve => {
    const go = (): void => {
      stream.resume();
    };
    // What is left when nobody wants it any more flows off: a program counts as running while it has not.
    socket.on('drain', go).once('close', go);
    stream.on('data', (chunk: Buffer) => {
      if (!socket.destroyed && !writeBytes(socket, type, chunk)) stream.pause();
    });
    stream
      .once('end', resolve)
      .once('error', () => resolve())
      .once('close', resolve);
  });
}

function relayInput(socket: Socket, { stdin, hangUp }: GuestProcess): void {
  let waiting = false;
  const waitForProgram = (): void => {
    waiting = true;
    socket.pause();
    const probe = setInterval(() => writeBytes(socket, FrameType.stdout, Buffer.alloc(0)), PROBE_MS).unref();
    const go = (): void => {
      waiting = false;
      clearInterval(probe);
      stdin.off('drain', go).off('close', go);
      socket.off('close', go);
      socket.resume();
    };
    stdin.on('drain', go).on('close', go);
    socket.on('close', go);
  };
  const decode = createDecoder({
    bytes(type, piece) {
      if (type !== FrameType.stdin) throw new FrameError('a client sends no output');
      if (stdin.destroyed || stdin.writableEnded) return;
      if (!stdin.write(piece) && !waiting) waitForProgram();
    },
    message(type, payload) {
      if (type !== FrameType.stdinEnd || payload.length > 0)
        throw new FrameError('a client sends only input');
      if (!stdin.writableEnded) stdin.end();
    },
  });
  socket.on('data', chunk => {
    try {
      decode(chunk);
    } catch {
      // A client that does not speak the protocol is treated like one that has left.
      hangUp();
      socket.destroy();
    }
  });
}

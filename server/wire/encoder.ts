// Writes frames: whole messages as JSON, streams of bytes in frames that are never longer than allowed.
import type { Writable } from 'node:stream';
import { FRAME_HEAD, FrameType, MAX_FRAME } from './frames.ts';
import { notePassed } from './spentBuffers.ts';

/** Up to this size one copy is cheaper than writing head and payload as two buffers. */
const COPY_LIMIT = 4096;

/** One frame with a JSON payload. */
export function encodeMessage(type: FrameType, value: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(value));
  if (payload.length > MAX_FRAME)
    throw new RangeError(`a message of ${payload.length} bytes does not fit into a frame`);
  return Buffer.concat([encodeHead(type, payload.length), payload]);
}

/** Writes bytes of a stream; `done` is called when the last of them was taken. False asks to wait for `drain`. */
export function writeBytes(
  to: Writable,
  type: FrameType,
  bytes: Buffer,
  done?: (error?: Error | null) => void,
): boolean {
  if (bytes.length <= COPY_LIMIT) {
    const frame = Buffer.allocUnsafe(FRAME_HEAD + bytes.length);
    writeHead(frame, type, bytes.length);
    frame.set(bytes, FRAME_HEAD);
    return to.write(frame, done);
  }
  notePassed(bytes.length);
  to.cork();
  let more = true;
  for (let at = 0; at < bytes.length; at += MAX_FRAME) {
    const piece = bytes.subarray(at, at + MAX_FRAME);
    to.write(encodeHead(type, piece.length));
    const last = at + MAX_FRAME >= bytes.length;
    more = last ? to.write(piece, done) : to.write(piece);
  }
  to.uncork();
  return more;
}

export const stdinEndFrame: Buffer = encodeHead(FrameType.stdinEnd, 0);

function encodeHead(type: FrameType, length: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD);
  writeHead(head, type, length);
  return head;
}

function writeHead(into: Buffer, type: FrameType, length: number): void {
  into[0] = type;
  into.writeUInt32BE(length, 1);
}

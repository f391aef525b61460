// Takes frames apart as bytes arrive, without collecting streams and without copying them.
import type { Readable } from 'node:stream';
import { FRAME_HEAD, FrameType, MAX_FRAME } from './frames.ts';
import { notePassed } from './spentBuffers.ts';

export type FrameSink = {
  /** A piece of a stream (stdin, stdout, stderr); one frame may come in several pieces. */
  bytes(type: FrameType, piece: Buffer): void;
  /** A whole frame of any other type. */
  message(type: FrameType, payload: Buffer): void;
};

/** What the other side sent is no sequence of frames; the connection cannot go on. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Answers a function that takes the next bytes of the connection; it throws a FrameError for what is not a frame. */
export function createDecoder(sink: FrameSink): (chunk: Buffer) => void {
  const head = Buffer.alloc(FRAME_HEAD);
  let headLength = 0;
  let type: FrameType = FrameType.header;
  let missing = 0;
  let pieces: Buffer[] = [];

  const payload = (piece: Buffer): void => {
    missing -= piece.length;
    if (isStream(type)) {
      if (piece.length > 0) sink.bytes(type, piece);
      return;
    }
    pieces.push(piece);
    if (missing > 0) return;
    const [first, ...others] = pieces;
    pieces = [];
    sink.message(
      type,
      others.length === 0 && first !== undefined ? first : Buffer.concat([first ?? piece, ...others]),
    );
  };

  return chunk => {
    notePassed(chunk.length);
    let at = 0;
    while (at < chunk.length) {
      if (missing > 0) {
        const piece = chunk.subarray(at, at + missing);
        at += piece.length;
        payload(piece);
        continue;
      }
      const count = Math.min(FRAME_HEAD - headLength, chunk.length - at);
      head.set(chunk.subarray(at, at + count), headLength);
      headLength += count;
      at += count;
      if (headLength < FRAME_HEAD) return;
      headLength = 0;
      ({ type, length: missing } = readHead(head));
      if (missing === 0) payload(chunk.subarray(at, at));
    }
  };
}

/**
 * Reads exactly one frame and leaves what follows in the stream; undefined when the stream ends before a whole frame.
 * Nobody else may read from the stream meanwhile.
 */
export function readFrame(from: Readable): Promise<{ type: FrameType; payload: Buffer } | undefined> {
  return new Promise((resolve, reject) => {
    let head: { type: FrameType; length: number } | undefined;
    const settle = (act: () => void): void => {
      from.off('readable', look).off('end', gone).off('close', gone).off('error', broken);
      act();
    };
    const gone = (): void => settle(() => resolve(undefined));
    const broken = (error: Error): void => settle(() => reject(error));
    const take = (length: number): Buffer | undefined => {
      if (length === 0) return Buffer.alloc(0);
      const bytes: Buffer | null = from.read(length);
      if (bytes === null) return undefined;
      if (bytes.length === length) return bytes;
      gone();
      return undefined;
    };
    const look = (): void => {
      if (head === undefined) {
        const bytes = take(FRAME_HEAD);
        if (bytes === undefined) return;
        try {
          head = readHead(bytes);
        } catch (error) {
          settle(() => reject(error));
          return;
        }
      }
      const { type, length } = head;
      const payload = take(length);
      if (payload !== undefined) settle(() => resolve({ type, payload }));
    };
    from.on('readable', look).on('end', gone).on('close', gone).on('error', broken);
    if (from.destroyed || from.readableEnded) gone();
    else look();
  });
}

const types: ReadonlySet<number> = new Set(Object.values(FrameType));

function readHead(head: Buffer): { type: FrameType; length: number } {
  const type = head.readUInt8(0);
  const length = head.readUInt32BE(1);
  if (!isType(type)) throw new FrameError(`unknown type of frame 0x${type.toString(16)}`);
  if (length > MAX_FRAME) throw new FrameError(`a frame of ${length} bytes is too long`);
  return { type, length };
}

function isType(type: number): type is FrameType {
  return types.has(type);
}

function isStream(type: FrameType): boolean {
  return type === FrameType.stdin || type === FrameType.stdout || type === FrameType.stderr;
}

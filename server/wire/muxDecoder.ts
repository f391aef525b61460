// Takes the frames of the multiplexer apart as bytes arrive, without copying data.
import { FrameError } from './decoder.ts';
import { decodeMuxHead, MUX_HEAD, type MuxHead, MuxType } from './muxFrames.ts';
import { notePassed } from './spentBuffers.ts';

export type MuxSink = {
  /** A part of a channel's data. */
  data(channel: number, piece: Buffer): void;
  /** A whole frame of any other type. */
  frame(head: MuxHead, payload: Buffer): void;
};

/** Answers a function that takes the next bytes of the stream; it throws for what is no frame. */
export function createMuxDecoder(sink: MuxSink): (chunk: Buffer) => void {
  const headBytes = Buffer.alloc(MUX_HEAD);
  let headLength = 0;
  let head: MuxHead | undefined;
  let missing = 0;
  let pieces: Buffer[] = [];

  const payload = (of: MuxHead, piece: Buffer): void => {
    missing -= piece.length;
    if (missing === 0) head = undefined;
    if (of.type === MuxType.data) {
      if (piece.length > 0) sink.data(of.channel, piece);
      return;
    }
    pieces.push(piece);
    if (missing > 0) return;
    const whole = Buffer.concat(pieces);
    pieces = [];
    sink.frame(of, whole);
  };

  return chunk => {
    notePassed(chunk.length);
    let at = 0;
    while (at < chunk.length) {
      if (head !== undefined) {
        const piece = chunk.subarray(at, at + missing);
        at += piece.length;
        payload(head, piece);
        continue;
      }
      const count = Math.min(MUX_HEAD - headLength, chunk.length - at);
      headBytes.set(chunk.subarray(at, at + count), headLength);
      headLength += count;
      at += count;
      if (headLength < MUX_HEAD) return;
      headLength = 0;
      const next = decodeMuxHead(headBytes);
      if (next === undefined) throw new FrameError('the guest sent a frame that is not known');
      head = next;
      missing = next.length;
      if (missing === 0) payload(next, chunk.subarray(at, at));
    }
  };
}

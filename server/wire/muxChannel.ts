// One channel of the multiplexer, as a stream with back-pressure in both directions.
import { Duplex } from 'node:stream';
import { HeldBytes, onItsOwn } from './heldBytes.ts';
import { MAX_PIECE, MUX_MAGIC, MuxType, WINDOW } from './muxFrames.ts';

export type ChannelLine = {
  send(channel: number, type: MuxType, payload?: Buffer): void;
  /** Asks for a call of `sendPiece` when there is room. */
  offer(channel: MuxChannel): void;
  forget(channel: MuxChannel): void;
};

/** Less than half of the window, so that a reader that waits is never one that was not given credit. */
const READ_AHEAD = 64 * 1024;

type Waiting = { readonly chunk: Buffer; readonly done: (error?: Error | null) => void };

export class MuxChannel extends Duplex {
  readonly id: number;
  readonly #line: ChannelLine;
  #credit = WINDOW;
  #waiting: Waiting | undefined;
  /** What was received and not given credit for again. */
  #owed = 0;
  /** What came while the reader had enough. */
  readonly #held = new HeldBytes();
  /** The reader asked and was not given enough yet. */
  #asked = false;
  #sentEnd = false;
  #gotEnd = false;
  /** The other side is gone; what is written goes nowhere. */
  #closed = false;

  constructor(id: number, line: ChannelLine) {
    super({ readableHighWaterMark: READ_AHEAD, writableHighWaterMark: READ_AHEAD });
    this.id = id;
    this.#line = line;
    // Whoever uses the channel finds out when it reads next.
    this.on('error', () => {});
  }

  /** Sends one piece of what waits; true when another one could follow at once. */
  sendPiece(): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#credit === 0) return false;
    const piece = withoutMagic(waiting.chunk.subarray(0, Math.min(this.#credit, MAX_PIECE)));
    this.#credit -= piece.length;
    this.#line.send(this.id, MuxType.data, piece);
    const rest = waiting.chunk.subarray(piece.length);
    this.#waiting = rest.length === 0 ? undefined : { chunk: rest, done: waiting.done };
    if (rest.length === 0) waiting.done();
    return this.#waiting !== undefined && this.#credit > 0;
  }

  /** False when the other side takes more than there is. */
  addCredit(bytes: number): boolean {
    this.#credit += bytes;
    if (this.#waiting !== undefined) this.#line.offer(this);
    return this.#credit <= WINDOW;
  }

  /** False when the other side sends what it may not. */
  receive(piece: Buffer): boolean {
    this.#owed += piece.length;
    if (this.#gotEnd || this.#owed > WINDOW) return false;
    if (this.#asked) this.#give(onItsOwn(piece));
    else this.#held.add(piece);
    return true;
  }

  receiveEnd(): void {
    if (this.#gotEnd) return;
    this.#gotEnd = true;
    if (this.#held.length === 0) this.push(null);
  }

  receiveClose(): void {
    this.#closed = true;
    if (!this.#gotEnd) {
      this.destroy(new Error('the connection was closed inside the sandbox'));
      return;
    }
    // What was said before the end may still be read.
    this.#releaseWaiting();
    if (this.readableEnded) this.destroy();
    else this.once('end', () => this.destroy());
  }

  override _read(): void {
    this.#asked = true;
    this.#giveHeld();
    // It is called before the reader takes what there is.
    process.nextTick(() => this.#grant());
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Waiting['done']): void {
    if (this.#closed || chunk.length === 0) {
      done();
      return;
    }
    this.#waiting = { chunk, done };
    this.#line.offer(this);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sentEnd = true;
    if (!this.#closed) this.#line.send(this.id, MuxType.end);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#closed && !(this.#sentEnd && this.#gotEnd)) this.#line.send(this.id, MuxType.close);
    this.#closed = true;
    this.#line.forget(this);
    this.#releaseWaiting(error ?? new Error('the connection was closed'));
    done(error);
  }

  #releaseWaiting(error?: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.done(error);
  }

  #giveHeld(): void {
    while (this.#asked) {
      const next = this.#held.take();
      if (next === undefined) return;
      this.#give(next);
      if (this.#gotEnd && this.#held.length === 0) this.push(null);
    }
  }

  #give(piece: Buffer): void {
    // It may be asked again while it is given.
    this.#asked = false;
    if (this.push(piece)) this.#asked = true;
  }

  #grant(): void {
    const taken = this.#owed - this.#held.length - this.readableLength;
    if (taken < WINDOW / 2 || this.#closed || this.#gotEnd) return;
    this.#owed -= taken;
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(taken);
    this.#line.send(this.id, MuxType.credit, payload);
  }
}

/** As much of the piece as can go into one frame. */
function withoutMagic(piece: Buffer): Buffer {
  const at = piece.indexOf(MUX_MAGIC);
  return at < 0 ? piece : piece.subarray(0, at + MUX_MAGIC.length / 2);
}

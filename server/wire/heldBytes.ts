// Bytes that wait for their reader, in little more memory than they are: who sends them decides how small the pieces are.

/** A piece that is this long may stay as it came; shorter ones are gathered. */
const WORTH_A_BUFFER = 4096;
const BLOCK = 16 * 1024;

/**
 * The piece itself, or a copy of what is a small part of something large: a piece keeps the whole read alive that it
 * came with, so that one byte of each read would keep all of them.
 */
export function onItsOwn(piece: Buffer): Buffer {
  if (piece.length * 4 >= piece.buffer.byteLength) return piece;
  const own = Buffer.allocUnsafeSlow(piece.length);
  piece.copy(own);
  return own;
}

export class HeldBytes {
  #length = 0;
  #whole: Buffer[] = [];
  #block: Buffer | undefined;
  #filled = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (piece.length >= WORTH_A_BUFFER) {
      this.#closeBlock();
      this.#whole.push(onItsOwn(piece));
      return;
    }
    for (let rest = piece; rest.length > 0; ) {
      this.#block ??= Buffer.allocUnsafeSlow(BLOCK);
      const count = rest.copy(this.#block, this.#filled);
      this.#filled += count;
      rest = rest.subarray(count);
      if (this.#filled === BLOCK) this.#closeBlock();
    }
  }

  /** The next of them; undefined when there are none. */
  take(): Buffer | undefined {
    if (this.#whole.length === 0) this.#closeBlock();
    const next = this.#whole.shift();
    this.#length -= next?.length ?? 0;
    return next;
  }

  #closeBlock(): void {
    if (this.#block !== undefined) this.#whole.push(this.#block.subarray(0, this.#filled));
    this.#block = undefined;
    this.#filled = 0;
  }
}

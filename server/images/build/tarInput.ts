// The bytes of an archive that arrives, in the portions in which they are wanted.
import { CUT_OFF, damaged } from './tarParse.ts';

export class TarInput {
  readonly #path: string;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #offset = 0;

  /** The path names the archive in errors. */
  constructor(path: string, stream: AsyncIterable<Buffer>) {
    this.#path = path;
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Of what comes next. */
  get offset(): number {
    return this.#offset;
  }

  /** This many bytes, which are the caller's. */
  async take(length: number): Promise<Buffer> {
    const all = Buffer.allocUnsafe(length);
    let done = 0;
    await this.each(length, async part => {
      done += part.copy(all, done);
    });
    return all;
  }

  async skip(length: number): Promise<void> {
    await this.each(length, async () => undefined);
  }

  /** This many bytes in pieces as they come, which are for the moment alone. */
  async each(length: number, use: (part: Buffer) => Promise<void>): Promise<void> {
    for (let wanted = length; wanted > 0; ) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      const part = this.#rest.subarray(0, wanted);
      this.#rest = this.#rest.subarray(part.length);
      this.#offset += part.length;
      wanted -= part.length;
      await use(part);
    }
  }

  /** To its end, so that whoever sends it is not cut off. */
  async drain(): Promise<void> {
    while ((await this.#chunks.next()).done !== true);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<Buffer> {
    const { value, done } = await this.#chunks.next();
    return done === true ? damaged({ path: this.#path }, CUT_OFF) : value;
  }
}

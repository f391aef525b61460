// Writes a new file in large pieces and takes its digest on the way.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

const CHUNK = 1024 * 1024;

export type Written = { readonly digest: string; readonly bytes: number };

/** Two pieces take turns, so that one is filled while the other is written; new ones would cost more than copying. */
export class HashedFile {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #filling = Buffer.allocUnsafe(CHUNK);
  #other = Buffer.allocUnsafe(CHUNK);
  #used = 0;
  #flushed = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<HashedFile> {
    return new HashedFile(await open(path, 'wx', 0o600));
  }

  get bytes(): number {
    return this.#flushed + this.#used;
  }

  /** The bytes are the caller's again afterwards. */
  async add(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const copied = bytes.copy(this.#filling, this.#used, done);
      this.#used += copied;
      done += copied;
      if (this.#used === CHUNK) await this.#flush();
    }
  }

  async end(): Promise<Written> {
    await this.#flush();
    await this.#writing;
    return { digest: `sha256:${this.#hash.digest('hex')}`, bytes: this.#flushed };
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    const piece = this.#filling.subarray(0, this.#used);
    this.#hash.update(piece);
    await this.#writing;
    this.#writing = this.#file.writeFile(piece);
    // Whoever comes next is told.
    this.#writing.catch(() => undefined);
    this.#flushed += this.#used;
    this.#used = 0;
    [this.#filling, this.#other] = [this.#other, this.#filling];
  }
}

// The input of a program: read directly, as long as nobody wants to wait for it and for something else at once.
import { readSync } from 'node:fs';
import { WasiError } from './errors.ts';
import { cli, type InputStream, io, type Pollable } from './shim.ts';

const CHUNK = 65_536;

export class StandardInput extends io.streams.InputStream {
  /** jco's own, which another thread reads for it; that thread costs more than most programs. */
  #watched: InputStream | undefined;

  override read(length: bigint): Uint8Array {
    return this.#watched === undefined ? readPipe(length) : this.#watched.read(length);
  }

  override blockingRead(length: bigint): Uint8Array {
    return this.#watched === undefined ? readPipe(length) : this.#watched.blockingRead(length);
  }

  override skip(length: bigint): bigint {
    return BigInt(this.read(length).length);
  }

  override blockingSkip(length: bigint): bigint {
    return BigInt(this.blockingRead(length).length);
  }

  override subscribe(): Pollable {
    this.#watched ??= cli.stdin.getStdin();
    return this.#watched.subscribe();
  }

  override [Symbol.dispose](): void {
    this.#watched?.[Symbol.dispose]();
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

function readPipe(length: bigint): Uint8Array {
  const buffer = new Uint8Array(Math.min(Number(length), CHUNK));
  for (;;) {
    try {
      const count = readSync(0, buffer);
      if (count === 0 && buffer.length > 0) throw new WasiError({ tag: 'closed' });
      return buffer.subarray(0, count);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EOF') throw new WasiError({ tag: 'closed' });
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

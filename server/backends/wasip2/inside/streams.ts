// Streams of bytes over files of this machine: a component reads and writes them as it does the outputs of a program.
import { fstatSync, readSync, writeSync } from 'node:fs';
import { attempt, WasiError } from './errors.ts';
import type { OpenFile } from './openFile.ts';
import { clocks, type InputStream, io, type Pollable } from './shim.ts';

const CHUNK = 1024 * 1024;

/** A file is always ready: what it has to give is there, or it never will be. */
function ready(): Pollable {
  return clocks.monotonicClock.subscribeDuration(0n);
}

export class FileInput extends io.streams.InputStream {
  readonly #file: OpenFile;
  #offset: bigint;

  constructor(file: OpenFile, offset: bigint) {
    super();
    this.#file = file.hold();
    this.#offset = offset;
  }

  override read(length: bigint): Uint8Array {
    const buffer = new Uint8Array(Math.min(Number(length), CHUNK));
    const count = told(() => readSync(this.#file.descriptor, buffer, 0, buffer.length, this.#offset));
    if (count === 0 && buffer.length > 0) throw new WasiError({ tag: 'closed' });
    this.#offset += BigInt(count);
    return buffer.subarray(0, count);
  }

  override blockingRead(length: bigint): Uint8Array {
    return this.read(length);
  }

  override skip(length: bigint): bigint {
    return BigInt(this.read(length).length);
  }

  override blockingSkip(length: bigint): bigint {
    return this.skip(length);
  }

  override subscribe(): Pollable {
    return ready();
  }

  override [Symbol.dispose](): void {
    this.#file.release();
  }
}

/** Where the bytes go: to an offset that moves on, to the end, or to wherever the descriptor stands, as for a pipe. */
export type Target =
  | { readonly kind: 'offset'; offset: bigint }
  | { readonly kind: 'end' }
  | { readonly kind: 'pipe' };

export class FileOutput extends io.streams.OutputStream {
  readonly #file: OpenFile;
  readonly #target: Target;

  constructor(file: OpenFile, target: Target) {
    super();
    this.#file = file.hold();
    this.#target = target;
  }

  override checkWrite(): bigint {
    return BigInt(CHUNK);
  }

  override write(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(told(() => this.#put(rest)));
  }

  override blockingWriteAndFlush(bytes: Uint8Array): void {
    this.write(bytes);
  }

  override flush(): void {}

  override blockingFlush(): void {}

  override writeZeroes(length: bigint): void {
    this.write(new Uint8Array(Number(length)));
  }

  override blockingWriteZeroesAndFlush(length: bigint): void {
    this.writeZeroes(length);
  }

  override splice(source: InputStream, length: bigint): bigint {
    const bytes = source.read(length);
    this.write(bytes);
    return BigInt(bytes.length);
  }

  override blockingSplice(source: InputStream, length: bigint): bigint {
    const bytes = source.blockingRead(length);
    this.write(bytes);
    return BigInt(bytes.length);
  }

  override subscribe(): Pollable {
    return ready();
  }

  override [Symbol.dispose](): void {
    this.#file.release();
  }

  #put(bytes: Uint8Array): number {
    const { descriptor } = this.#file;
    if (this.#target.kind === 'pipe') return putInPipe(descriptor, bytes);
    if (this.#target.kind === 'end')
      return writeSync(descriptor, bytes, 0, bytes.length, fstatSync(descriptor).size);
    const count = writeSync(descriptor, bytes, 0, bytes.length, Number(this.#target.offset));
    this.#target.offset += BigInt(count);
    return count;
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

/** A pipe that is full is waited for, also where it is one that does not wait by itself. */
function putInPipe(descriptor: number, bytes: Uint8Array): number {
  for (;;) {
    try {
      return writeSync(descriptor, bytes);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EPIPE') throw new WasiError({ tag: 'closed' });
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

/** The failures of streams are things of their own, which know the code of the file system. */
function told<T>(work: () => T): T {
  try {
    return attempt(work);
  } catch (error) {
    if (!(error instanceof WasiError) || typeof error.payload !== 'string') throw error;
    throw new WasiError({ tag: 'last-operation-failed', val: new io.error.Error(error.payload) });
  }
}

/** What `filesystem-error-code` answers for a failure of a stream; those of other streams know no such code. */
export function codeOfFailure(failure: unknown): unknown {
  const payload = failure instanceof io.error.Error ? failure.payload : undefined;
  return typeof payload === 'string' ? payload : undefined;
}

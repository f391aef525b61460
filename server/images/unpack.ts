// Undoes gzip, zstd and xz, by what a file begins with and not by what it is called.
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { Duplex, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { fail, SandboxError } from '../core/errors.ts';
import { allowedEnvironment } from '../platform/environment.ts';
import { spawnChild } from '../platform/spawn.ts';
import { incomingPath } from './blobs.ts';
import type { ImageCall } from './deps.ts';
import type { StorePaths } from './layout.ts';

export type Compression = 'gzip' | 'zstd' | 'xz' | 'none';

/** More than any root file system or disk; what unpacks to more was made to fill the disk. */
const LARGEST = 256 * 1024 ** 3;

/** A file below `incoming` that the caller removes, or the file itself when it is not compressed. */
export async function unpacked(paths: StorePaths, path: string, call: ImageCall): Promise<string> {
  const compression = await compressionOf(path);
  if (compression === 'none') return path;
  const target = await incomingPath(paths, 'unpacked');
  try {
    await unpack({ path, target, compression }, call);
    return target;
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

export async function compressionOf(path: string): Promise<Compression> {
  const head = await headOf(path, 6);
  if (head.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))) return 'gzip';
  if (head.subarray(0, 4).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))) return 'zstd';
  return head.equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])) ? 'xz' : 'none';
}

/** The first bytes; fewer where the file is shorter. */
export async function headOf(path: string, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(length);
    const { bytesRead } = await file.read(head, 0, length, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

type Unpacking = {
  readonly path: string;
  readonly target: string;
  readonly compression: Exclude<Compression, 'none'>;
};

async function unpack(
  { path, target, compression }: Unpacking,
  { signal, progress }: ImageCall,
): Promise<void> {
  const { size } = await stat(path);
  const source = createReadStream(path, { highWaterMark: 1024 * 1024 });
  let read = 0;
  source.on('data', chunk => {
    read += chunk.length;
    progress({ phase: 'unpacking', percent: (100 * read) / size });
  });
  const sink = createWriteStream(target, { flags: 'wx', mode: 0o600 });
  try {
    await pipeline(source, unpackerOf(compression), new Bounded(), sink, { signal });
  } catch (error) {
    if (isDataError(error)) damaged(path, error.message);
    throw error;
  }
}

function unpackerOf(compression: Unpacking['compression']): Duplex {
  if (compression === 'gzip') return zlib.createGunzip();
  // An older Node has no zstd, and none has xz; systems with such files have their programs.
  if (compression === 'zstd' && typeof zlib.createZstdDecompress === 'function')
    return zlib.createZstdDecompress();
  return throughProgram(compression);
}

function throughProgram(program: 'zstd' | 'xz'): Duplex {
  const child = spawnChild([program, '-d', '-c', '-q'], {
    env: allowedEnvironment(process.env),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) fail('internal', `${program} has no pipes`);
  const through = Duplex.from({ readable: stdout, writable: stdin });
  child.once('error', error => through.destroy(missing(program, error)));
  child.once('exit', code => {
    if (code !== 0) through.destroy(new DataError(`${program} ends with status ${code}`));
  });
  through.once('close', () => child.kill('SIGKILL'));
  return through;
}

function missing(program: string, cause: Error): SandboxError {
  return new SandboxError('command-failed', `cannot run ${program}: ${cause.message}`, {
    hint: `install ${program}, or unpack the file first`,
  });
}

class DataError extends Error {}

class Bounded extends Transform {
  #bytes = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    done(this.#bytes > LARGEST ? new DataError(`it unpacks to more than ${LARGEST} bytes`) : null, chunk);
  }
}

function isDataError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return error instanceof DataError || /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code);
}

function damaged(path: string, why: string): never {
  fail('image-broken', `${path} cannot be unpacked: ${why}`, {
    hint: 'it is damaged or was cut short; copy it again from where it came from',
  });
}

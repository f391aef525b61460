// Takes files into the store: hashed while they are copied, one copy of each content, whole or not at all.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { ensureFolder, errorCodeOf, isAbsence } from '../platform/files.ts';
import { randomHex } from '../platform/random.ts';
import type { Progress } from '../protocol/contract.ts';
import { withLock } from '../store/lock.ts';
import { claim } from './claims.ts';
import { blobPath, layoutOf, STORE_LOCK, type StorePaths } from './layout.ts';
import { looksIntact, writeStamp } from './verify.ts';

export type Blob = { readonly digest: string; readonly bytes: number; readonly path: string };

export type PutOptions = {
  /** `move` for a file below `incoming`, which is gone afterwards; `copy` leaves the source as it is. */
  readonly take: 'copy' | 'move';
  /** Of a moved file that was hashed while it was made. */
  readonly digest?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: Progress) => void) | undefined;
};

const CHUNK = 4 * 1024 * 1024;

/**
 * A copy shares its blocks with the source where the file system can do that. It is never a hard link: whoever
 * writes to the source later would change the image.
 */
export async function putBlob(paths: StorePaths, source: string, options: PutOptions): Promise<Blob> {
  const { incoming } = layoutOf(paths);
  await makeStore(paths);
  if (options.take === 'move') {
    const digest = options.digest ?? (await hashFile(source, options)).digest;
    return await keep(paths, source, digest);
  }
  const draft = join(incoming, `copy-${process.pid}-${randomHex(4)}`);
  try {
    const { digest } = (await reflink(source, draft))
      ? await hashFile(draft, options)
      : await copyHashed(source, draft, options);
    return await keep(paths, draft, digest);
  } finally {
    await rm(draft, { force: true });
  }
}

/** A path for a file that is being made and will be moved in; what a dead process left there is pruned. */
export async function incomingPath(paths: StorePaths, kind: string): Promise<string> {
  await makeStore(paths);
  return join(layoutOf(paths).incoming, `${kind}-${process.pid}-${randomHex(4)}`);
}

export async function hashFile(
  path: string,
  options: Pick<PutOptions, 'signal' | 'progress'> = {},
): Promise<{ digest: string; bytes: number }> {
  const file = await open(path, 'r');
  try {
    return await eachChunk(file, options, async () => {});
  } finally {
    await file.close();
  }
}

async function makeStore(paths: StorePaths): Promise<void> {
  const { blobs, incoming } = layoutOf(paths);
  for (const folder of [paths.images, blobs, incoming]) await ensureFolder(folder);
}

async function keep(paths: StorePaths, draft: string, digest: string): Promise<Blob> {
  const path = blobPath(paths, digest);
  const bytes = await finish(draft);
  await withLock(paths, STORE_LOCK, { wait: 'wait' }, async () => {
    await claim(paths, digest);
    // One that was damaged since is replaced by what came in anew.
    if (await looksIntact(paths, digest)) return rm(draft, { force: true });
    await rename(draft, path);
    await writeStamp(paths, digest);
  });
  return { digest, bytes, path };
}

/** On the disk and read-only before it gets its name. */
async function finish(draft: string): Promise<number> {
  const file = await open(draft, 'r');
  try {
    await file.chmod(0o444);
    await file.datasync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/** False where the file system cannot share blocks. */
async function reflink(source: string, draft: string): Promise<boolean> {
  try {
    await copyFile(source, draft, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    await rm(draft, { force: true });
    if (isAbsence(error)) noSource(source);
    if (errorCodeOf(error) === 'EACCES') throw error;
    return false;
  }
}

async function copyHashed(
  source: string,
  draft: string,
  options: PutOptions,
): Promise<{ digest: string; bytes: number }> {
  const from = await open(source, 'r');
  try {
    const to = await open(draft, 'wx', 0o600);
    try {
      const done = await eachChunk(from, options, (chunk, at) => writeSparse(to, chunk, at));
      await to.truncate(done.bytes);
      return done;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

const ZEROS = Buffer.alloc(64 * 1024);

/** Disks are mostly empty; what is zero stays a hole. */
async function writeSparse(file: FileHandle, chunk: Buffer, at: number): Promise<void> {
  let start = 0;
  const write = async (end: number): Promise<void> => {
    while (start < end) {
      const { bytesWritten } = await file.write(chunk, start, end - start, at + start);
      start += bytesWritten;
    }
  };
  for (let place = 0; place < chunk.length; place += ZEROS.length) {
    const part = chunk.subarray(place, place + ZEROS.length);
    if (!part.equals(ZEROS.subarray(0, part.length))) continue;
    await write(place);
    start = place + part.length;
  }
  await write(chunk.length);
}

type EachChunk = (chunk: Buffer, at: number) => Promise<void>;

async function eachChunk(
  file: FileHandle,
  { signal, progress }: Pick<PutOptions, 'signal' | 'progress'>,
  use: EachChunk,
): Promise<{ digest: string; bytes: number }> {
  const hash = createHash('sha256');
  const { size } = await file.stat();
  const chunk = Buffer.allocUnsafe(CHUNK);
  let bytes = 0;
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(chunk, 0, CHUNK, bytes);
    if (bytesRead === 0) break;
    const part = chunk.subarray(0, bytesRead);
    hash.update(part);
    await use(part, bytes);
    bytes += bytesRead;
    progress?.({ phase: 'reading the file', percent: size === 0 ? 100 : (100 * bytes) / size });
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}

function noSource(source: string): never {
  fail('path-not-found', `there is no file ${source}`);
}

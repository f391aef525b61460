// Tells whether a blob is still what its digest says: at every start by its stamp, in full when asked or in doubt.
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { ensureFolder, isAbsence, readTextIfExists, writeAtomic } from '../platform/files.ts';
import { parseJson } from '../protocol/parse.ts';
import { blobPath, digestFile, layoutOf, type StorePaths } from './layout.ts';

/** `quick` looks at size, time of change and samples of the content; `full` reads everything. */
export type Depth = 'quick' | 'full';

export type Condition =
  | { readonly kind: 'intact'; readonly bytes: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'damaged'; readonly why: string };

const Stamp = z.object({ bytes: z.int(), mtime_ns: z.string(), sample: z.string() });
type Stamp = z.output<typeof Stamp>;

const SAMPLES = 32;
const SAMPLE_BYTES = 4096;
const CHUNK = 4 * 1024 * 1024;

/** The quick way turns to the full one where the stamp is missing or does not fit. */
export async function verifyBlob(
  paths: StorePaths,
  digest: string,
  depth: Depth,
  signal?: AbortSignal,
): Promise<Condition> {
  const file = await openBlob(paths, digest);
  if (file === undefined) return { kind: 'missing' };
  try {
    const now = await stampOf(file);
    const known = await readStamp(paths, digest);
    if (depth === 'quick' && known !== undefined && isEqual(known, now))
      return { kind: 'intact', bytes: now.bytes };
    const found = await digestOf(file, signal);
    if (found === digest) {
      await saveStamp(paths, digest, now);
      return { kind: 'intact', bytes: now.bytes };
    }
    await rm(stampPath(paths, digest), { force: true });
    return { kind: 'damaged', why: damage(known, now) };
  } finally {
    await file.close();
  }
}

/** By its stamp alone; false also where it has none. */
export async function looksIntact(paths: StorePaths, digest: string): Promise<boolean> {
  const known = await readStamp(paths, digest);
  const file = known === undefined ? undefined : await openBlob(paths, digest);
  if (known === undefined || file === undefined) return false;
  try {
    return isEqual(known, await stampOf(file));
  } finally {
    await file.close();
  }
}

/** For content whose digest was just taken. */
export async function writeStamp(paths: StorePaths, digest: string): Promise<void> {
  const file = await openBlob(paths, digest);
  if (file === undefined) return;
  try {
    await saveStamp(paths, digest, await stampOf(file));
  } finally {
    await file.close();
  }
}

export function stampPath(paths: StorePaths, digest: string): string {
  return join(layoutOf(paths).stamps, `${digestFile(digest)}.json`);
}

async function openBlob(paths: StorePaths, digest: string): Promise<FileHandle | undefined> {
  try {
    return await open(blobPath(paths, digest), 'r');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

async function readStamp(paths: StorePaths, digest: string): Promise<Stamp | undefined> {
  const parsed = parseJson(Stamp, (await readTextIfExists(stampPath(paths, digest))) ?? '');
  return parsed.ok ? parsed.value : undefined;
}

async function saveStamp(paths: StorePaths, digest: string, stamp: Stamp): Promise<void> {
  const { stamps } = layoutOf(paths);
  await ensureFolder(stamps);
  await writeAtomic(stampPath(paths, digest), JSON.stringify(stamp), { durability: 'quick' });
}

async function stampOf(file: FileHandle): Promise<Stamp> {
  const { size, mtimeNs } = await file.stat({ bigint: true });
  const bytes = Number(size);
  const hash = createHash('sha256');
  const part = Buffer.alloc(SAMPLE_BYTES);
  const step = Math.max(SAMPLE_BYTES, Math.floor((bytes - SAMPLE_BYTES) / (SAMPLES - 1)));
  // So little is read at once, because every start reads it, and each way through the thread pool would take longer.
  for (let at = 0; at < bytes; at += step)
    hash.update(part.subarray(0, readSync(file.fd, part, 0, SAMPLE_BYTES, at)));
  return { bytes, mtime_ns: String(mtimeNs), sample: hash.digest('hex') };
}

function isEqual(left: Stamp, right: Stamp): boolean {
  return left.bytes === right.bytes && left.mtime_ns === right.mtime_ns && left.sample === right.sample;
}

async function digestOf(file: FileHandle, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK);
  for (let at = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(chunk, 0, CHUNK, at);
    if (bytesRead === 0) return `sha256:${hash.digest('hex')}`;
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
}

function damage(known: Stamp | undefined, now: Stamp): string {
  if (known === undefined || known.bytes === now.bytes) return 'its content is not what its digest says';
  return `it has ${now.bytes} bytes instead of ${known.bytes}`;
}

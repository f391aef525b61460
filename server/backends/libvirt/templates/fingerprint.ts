// Whether a big file is still the one that was written: cheap enough for every start, honest about what it reads.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import * as z from 'zod/mini';

export const Fingerprint = z.strictObject({
  bytes: z.int(),
  /** In nanoseconds; memory that is only copied from never changes it, a write always does. */
  modified: z.string(),
  /** Over the whole file when it is small, else over blocks spread evenly over it. */
  sample: z.string(),
});
export type Fingerprint = z.output<typeof Fingerprint>;

export async function fingerprintOf(path: string): Promise<Fingerprint> {
  const file = await open(path, 'r');
  try {
    const { size, mtimeNs } = await file.stat({ bigint: true });
    const bytes = Number(size);
    return { bytes, modified: String(mtimeNs), sample: await sampleOf(file, bytes) };
  } finally {
    await file.close();
  }
}

/** Undefined when it is the same; else what differs. A file that is gone throws. */
export async function differenceOf(path: string, known: Fingerprint): Promise<string | undefined> {
  const now = await fingerprintOf(path);
  if (now.bytes !== known.bytes) return `it has ${now.bytes} bytes instead of ${known.bytes}`;
  if (now.sample !== known.sample) return 'its content has changed';
  if (now.modified !== known.modified) return 'it was written to';
  return undefined;
}

const WHOLE_BYTES = 8 * 1024 * 1024;
const BLOCK = 4096;
const BLOCKS = 64;

async function sampleOf(file: FileHandle, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  if (bytes <= WHOLE_BYTES) return hash.update(await file.readFile()).digest('hex');
  const block = Buffer.alloc(BLOCK);
  const step = Math.floor(bytes / BLOCKS / BLOCK) * BLOCK;
  for (let index = 0; index < BLOCKS; index += 1) {
    const { bytesRead } = await file.read(block, 0, BLOCK, index * step);
    hash.update(block.subarray(0, bytesRead));
  }
  return hash.digest('hex');
}

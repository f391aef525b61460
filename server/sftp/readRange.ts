// A part of a file of a guest, read no further than it is wanted.
import type { GuestFiles } from './client.ts';

export type Range = { readonly offset: number; readonly bytes: number };

/** Shorter where the file ends before. */
export async function readRange(
  files: Pick<GuestFiles, 'read'>,
  path: string,
  { offset, bytes }: Range,
): Promise<Buffer> {
  // Copied at once: a block of one byte may come in a packet of a million.
  const whole = Buffer.allocUnsafe(bytes);
  let length = 0;
  for await (const block of files.read(path, offset)) {
    length += block.copy(whole, length);
    if (length === bytes) break;
  }
  return whole.subarray(0, length);
}

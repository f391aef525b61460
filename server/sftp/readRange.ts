// A part of a file of a guest, read no further than it is wanted.
import type { GuestFiles } from './client.ts';

export type Range = { readonly offset: number; readonly bytes: number };

/** Shorter where the file ends before. */
export async function readRange(
  files: Pick<GuestFiles, 'read'>,
  path: string,
  { offset, bytes }: Range,
): Promise<Buffer> {
  const kept: Buffer[] = [];
  let room = bytes;
  for await (const block of files.read(path, offset)) {
    kept.push(block.subarray(0, room));
    room -= Math.min(block.length, room);
    if (room === 0) break;
  }
  return Buffer.concat(kept);
}

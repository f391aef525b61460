// Reads an output of a program to its end and keeps no more of it than is wanted.
import type { Readable } from 'node:stream';

export type Collected = {
  /** At most as much as was wanted. */
  readonly bytes: Buffer;
  /** How much there was. */
  readonly total: number;
};

/** What is not kept is read all the same, so that the program still runs to its end. */
export async function collect(from: Readable, most: number): Promise<Collected> {
  const kept: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of from as AsyncIterable<Uint8Array>) {
    const room = most - total;
    if (room > 0) kept.push(chunk.subarray(0, room));
    total += chunk.length;
  }
  return { bytes: Buffer.concat(kept), total };
}

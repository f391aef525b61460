// How much a guest may make this machine write: it says itself how much there is, and must not fill the disk.
import { statfs } from 'node:fs/promises';
import { bytes } from '../core/amounts.ts';
import { fail } from '../core/errors.ts';

/** Of what is free when it begins. */
const SHARE = 0.9;

export type Room = {
  readonly bytes: number;
  /** Fails with `storage` when there is no more. */
  take(amount: { readonly bytes?: number; readonly files?: number }): void;
};

/** `what` begins the sentence that says that there is no more. */
export async function roomIn(folder: string, what: string): Promise<Room> {
  const { bavail, bsize, ffree, files } = await statfs(folder);
  const most = Math.floor(bavail * bsize * SHARE);
  // Some file systems make room for names as they go, and say that they have none.
  const mostFiles = files === 0 ? Number.POSITIVE_INFINITY : Math.floor(ffree * SHARE);
  const taken = { bytes: 0, files: 0 };
  return {
    bytes: most,
    take: amount => {
      taken.bytes += amount.bytes ?? 0;
      taken.files += amount.files ?? 0;
      if (taken.bytes <= most && taken.files <= mostFiles) return;
      const limit = taken.bytes > most ? bytes(most) : `${mostFiles} files`;
      fail('storage', `${what} is more than the ${limit} that may be taken of what is free in ${folder}`, {
        hint: 'free some space there, or take less at once',
      });
    },
  };
}

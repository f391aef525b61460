// Files of the person's that other programs own: read and replaced whole, with their mode and owner, through links.
import { chown, lstat, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import { isAbsence } from './files.ts';

export type ForeignFile = {
  readonly bytes: Buffer;
  /** Where the links lead. */
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
};

/** Undefined when there is no such file. Follows links, so that a link stays one. */
export async function readForeign(path: string): Promise<ForeignFile | undefined> {
  try {
    const target = await realpath(path);
    const { mode, uid, gid } = await stat(target);
    return { bytes: await readFile(target), target, mode: mode & 0o7777, uid, gid };
  } catch (error) {
    if (!isAbsence(error)) throw error;
    const link = await lstat(path).catch(() => undefined);
    if (link === undefined) return undefined;
    return fail('path-not-found', `${path} is a link to nothing`, {
      hint: 'make the file that it names, or remove the link',
    });
  }
}

/** False when the file is no longer what it was when it was read; without bytes it is removed. */
export async function replaceForeign(
  path: string,
  existing: ForeignFile | undefined,
  bytes: Buffer | undefined,
): Promise<boolean> {
  const target = existing?.target ?? path;
  const draft = `${target}.heyvm-${process.pid}`;
  try {
    if (bytes !== undefined) await writeDraft(draft, bytes, existing);
    const now = await readForeign(path);
    const same =
      now === undefined || existing === undefined ? now === existing : now.bytes.equals(existing.bytes);
    if (!same) return false;
    if (bytes === undefined) await rm(target);
    else await rename(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
  return true;
}

async function writeDraft(draft: string, bytes: Buffer, like: ForeignFile | undefined): Promise<void> {
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    if (like !== undefined) {
      const own = await file.stat();
      if (own.uid !== like.uid || own.gid !== like.gid) await chown(draft, like.uid, like.gid);
      await file.chmod(like.mode);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

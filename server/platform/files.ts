// Files and folders: atomic writes, private folders, reads that treat absence as an answer.
// What is small is read and written at once: each way through the thread pool would take longer than the work itself.
// The promises are loaded with their first use, which commands that only read never come to.
import {
  chmodSync,
  closeSync,
  existsSync,
  promises as fs,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../core/errors.ts';
import { randomHex } from './random.ts';

/** `safe` reaches the disk before it returns; `quick` survives the end of a process, not the loss of power. */
export type Durability = 'safe' | 'quick';

export type WriteOptions = { readonly mode?: number; readonly durability?: Durability };

/** Other processes see the old content or the new one, never a part. */
export async function writeAtomic(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const { mode = 0o600, durability = 'safe' } = options;
  const temporary = `${path}.${process.pid}-${randomHex(4)}.new`;
  if (durability === 'quick') return writeNow({ path, temporary }, content, mode);
  try {
    const file = await fs.open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.datasync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw withPath(error, path);
  }
  syncFolder(dirname(path));
}

type Places = { readonly path: string; readonly temporary: string };

function writeNow({ path, temporary }: Places, content: string | Uint8Array, mode: number): void {
  try {
    writeFileSync(temporary, content, { mode, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw withPath(error, path);
  }
}

/** A write to an open file fails without saying to which. */
function withPath(error: unknown, path: string): unknown {
  return error instanceof Error ? Object.assign(error, { path }) : error;
}

/** Makes a folder that only its owner can enter; refuses one that somebody else could have planted. */
export async function ensureFolder(path: string): Promise<void> {
  makeFolder(path);
  const state = lstatSync(path);
  if (state.isSymbolicLink() || !state.isDirectory()) {
    fail('storage', `${path} is not a folder`, { hint: 'remove it; it may be an attempt to redirect files' });
  }
  const user = process.getuid?.();
  if (user === undefined) return;
  if (state.uid !== user) {
    fail('storage', `${path} belongs to another user`, { hint: 'set HEYO_HOME to a folder of your own' });
  }
  if ((state.mode & 0o077) !== 0) chmodSync(path, 0o700);
}

/** What guests are shown read-only: others may enter it, who come to it only through a guest. */
export async function ensureShownFolder(path: string): Promise<void> {
  makeFolder(path);
  if (((await fs.lstat(path)).mode & 0o777) !== 0o755) await fs.chmod(path, 0o755);
}

/** With all that lead to it, private, and with the system's own reason when it cannot be made. */
export function makeFolder(path: string): void {
  try {
    makeOne(path);
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    makeOne(path);
  }
}

function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw error;
  }
}

export async function readTextIfExists(path: string): Promise<string | undefined> {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Whether something is where the path leads; anything but absence is an error. */
export async function isPresent(path: string): Promise<boolean> {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** Of what is in a folder; without one nothing is. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

/** For readers that go over many small files, where a promise for each would cost more than the read. */
export function readTextIfExistsNow(path: string): string | undefined {
  // Asking first costs less than the exception that an absent file would give.
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

export function isAbsence(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function syncFolder(path: string): void {
  // Windows cannot open a folder for this, and keeps its directory entries by other means.
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

// Copies a folder that a guest may change meanwhile: no link is followed, whatever it is replaced with in between.
import { constants, promises as fs } from 'node:fs';
import { join } from 'node:path';
import { errorCodeOf, isAbsence } from './files.ts';

/** Into a folder that exists; files, folders and links, with their permissions. Sockets and pipes stay behind. */
export async function copyTree(source: string, target: string, signal: AbortSignal): Promise<void> {
  const folder = await openFolder(source);
  if (folder === undefined) return;
  try {
    const at = pathOf(folder, source);
    for (const name of await fs.readdir(at)) {
      signal.throwIfAborted();
      await copyEntry({ at, name, source: join(source, name), target: join(target, name) }, signal);
    }
  } finally {
    await folder.close();
  }
}

type Entry = {
  /** The folder that holds it, by its open handle where the system allows that. */
  readonly at: string;
  readonly name: string;
  readonly source: string;
  readonly target: string;
};

async function copyEntry(entry: Entry, signal: AbortSignal): Promise<void> {
  const { at, name, target } = entry;
  try {
    const state = await fs.lstat(join(at, name));
    if (state.isSymbolicLink()) return await fs.symlink(await fs.readlink(join(at, name)), target);
    if (state.isFile()) return await copyFile(join(at, name), target, signal);
    if (!state.isDirectory()) return;
    await fs.mkdir(target, { mode: 0o700 });
    await copyTree(join(at, name), target, signal);
    await fs.chmod(target, state.mode & 0o7777);
  } catch (error) {
    // Gone or replaced since it was listed: the guest goes on working meanwhile.
    if (!isAbsence(error) && errorCodeOf(error) !== 'ELOOP' && errorCodeOf(error) !== 'ENOTDIR') throw error;
  }
}

async function copyFile(source: string, target: string, signal: AbortSignal): Promise<void> {
  const from = await fs.open(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const state = await from.stat();
    if (!state.isFile()) return;
    const to = await fs.open(target, 'wx', state.mode & 0o777);
    try {
      await copyBytes(from, to, signal);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

/** Holes stay holes: a file that says to be huge takes a guest nothing, and must not fill the disk when it is copied. */
async function copyBytes(from: fs.FileHandle, to: fs.FileHandle, signal: AbortSignal): Promise<void> {
  const chunk = Buffer.allocUnsafe(CHUNK);
  let at = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await from.read(chunk, 0, CHUNK, at);
    if (bytesRead === 0) break;
    const bytes = chunk.subarray(0, bytesRead);
    if (!bytes.equals(NOTHING.subarray(0, bytesRead))) await writeFully(to, bytes, at);
    at += bytesRead;
  }
  await to.truncate(at);
}

const CHUNK = 64 * 1024;
const NOTHING = Buffer.alloc(CHUNK);

async function writeFully(to: fs.FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await to.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}

/** Undefined when it is no folder any more. */
async function openFolder(path: string): Promise<fs.FileHandle | undefined> {
  try {
    return await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const code = errorCodeOf(error);
    if (isAbsence(error) || code === 'ELOOP' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Through its handle, a folder stays the one that was opened. */
function pathOf(folder: fs.FileHandle, path: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${folder.fd}` : path;
}

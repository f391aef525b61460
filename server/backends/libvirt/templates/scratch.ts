// Where the memory of a machine lies while it becomes a template: in memory where there is room, because a disk that is
// busy slows a machine down whose memory is a file on it.
//
// It has a name only until QEMU has opened it. From then on it goes with the last process that has it open, so that
// whoever is killed leaves nothing; a name that is left from before is known by the place that the memory was to go to.
import { createHash } from 'node:crypto';
import { type FileHandle, lstat, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../../core/backend.ts';
import { ensureFolder, isAbsence, namesIn } from '../../../platform/files.ts';
import { isOurs } from '../ours.ts';

export type Scratch = {
  readonly file: string;
  /** For when QEMU has opened it. */
  loseName(): Promise<void>;
  /** Brings it to where it is kept; the machine stands still. */
  keep(): Promise<void>;
  drop(): Promise<void>;
};

type Tools = Pick<DriverContext, 'run' | 'signal'>;

export async function scratchFor(
  { run, signal }: Tools,
  { to, memoryMiB }: { to: string; memoryMiB: number },
): Promise<Scratch> {
  if (!(await hasRoom(memoryMiB))) return { file: to, loseName: nothing, keep: nothing, drop: nothing };
  const file = scratchOf(to);
  let opened: FileHandle | undefined;
  const drop = async (): Promise<void> => {
    await rm(file, { force: true });
    await opened?.close();
  };
  await drop();
  return {
    ...{ file, drop },
    async loseName() {
      opened = await open(file, 'r');
      await rm(file);
    },
    async keep() {
      if (opened === undefined) throw new Error('the memory of a template is kept before it was opened');
      // It leaves out what was never written to, which is most of it.
      const words = ['convert', '-f', 'raw', '-O', 'raw', '/dev/fd/3', to];
      await run(['qemu-img', ...words], { signal, files: [opened.fd] });
      await drop();
    },
  };
}

/** What a maker left that was killed. */
export async function clearScratch(to: string): Promise<void> {
  await rm(scratchOf(to), { force: true });
}

/** The same of makers whose store is gone as well, so that nobody knows any more where their memory was to go. */
export async function clearOldScratches(): Promise<void> {
  if (!(await isOurs(FOLDER))) return;
  for (const name of await namesIn(FOLDER)) {
    const file = join(FOLDER, name);
    if (await isOld(file)) await rm(file, { force: true });
  }
}

/** Where the memory lies that is to come to this place. */
export function scratchOf(to: string): string {
  return join(FOLDER, createHash('sha256').update(to).digest('hex').slice(0, 32));
}

const SHARED_MEMORY = '/dev/shm';
const MIB = 1024 * 1024;

/** Everybody may make files there, so that ours lie in a folder that is known to be ours. */
const FOLDER = join(SHARED_MEMORY, `heyvm-${process.getuid?.() ?? 0}`);

/** QEMU opens it within seconds; no call to libvirt is waited for as long as this. */
const OLD_MS = 60 * 60 * 1000;

async function isOld(file: string): Promise<boolean> {
  try {
    return Date.now() - (await lstat(file)).mtimeMs > OLD_MS;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

async function hasRoom(memoryMiB: number): Promise<boolean> {
  try {
    await ensureFolder(FOLDER);
    const { bavail, bsize } = await statfs(FOLDER);
    // With as much again for everybody else: a machine that finds no memory there dies.
    return bavail * bsize > 2 * memoryMiB * MIB;
  } catch {
    // No such file system, or somebody else took the name: the disk is slower and always there.
    return false;
  }
}

async function nothing(): Promise<void> {}

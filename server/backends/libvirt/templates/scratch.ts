// Where the memory of a machine lies while it becomes a template: in memory where there is room, because a disk that is
// busy slows a machine down whose memory is a file on it.
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../../core/backend.ts';
import { ensureFolder } from '../../../platform/files.ts';

export type Scratch = {
  readonly file: string;
  /** Brings it to where it is kept; the machine stands still. */
  keep(): Promise<void>;
};

type Tools = Pick<DriverContext, 'run' | 'signal' | 'storeId'>;

export async function scratchFor(
  tools: Tools,
  key: string,
  wish: { to: string; memoryMiB: number },
): Promise<Scratch> {
  const { to, memoryMiB } = wish;
  if (!(await hasRoom(memoryMiB))) return { file: to, keep: async () => {} };
  const file = fileFor(tools, key);
  await rm(file, { force: true });
  return {
    file,
    async keep() {
      // It leaves out what was never written to, which is most of it.
      await tools.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'raw', file, to], { signal: tools.signal });
      await rm(file, { force: true });
    },
  };
}

/** What a maker left that was killed. */
export async function clearScratch(tools: Pick<Tools, 'storeId'>, key: string): Promise<void> {
  await rm(fileFor(tools, key), { force: true });
}

const SHARED_MEMORY = '/dev/shm';
const MIB = 1024 * 1024;

/** Everybody may make files there, so that ours lie in a folder that is known to be ours. */
function folder(): string {
  return join(SHARED_MEMORY, `heyvm-${process.getuid?.() ?? 0}`);
}

function fileFor({ storeId }: Pick<Tools, 'storeId'>, key: string): string {
  return join(folder(), `${storeId}-${key}`);
}

async function hasRoom(memoryMiB: number): Promise<boolean> {
  try {
    await ensureFolder(folder());
    const { bavail, bsize } = await statfs(folder());
    // With as much again for everybody else: a machine that finds no memory there dies.
    return bavail * bsize > 2 * memoryMiB * MIB;
  } catch {
    // No such file system, or somebody else took the name: the disk is slower and always there.
    return false;
  }
}

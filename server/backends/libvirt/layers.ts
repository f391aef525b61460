// Empty layers over a disk: qemu-img makes one for each disk below, and the machines that stand on it get copies.
import { createHash } from 'node:crypto';
import { chmod, constants, copyFile, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../core/backend.ts';
import { ensureFolder, isAbsence, isPresent } from '../../platform/files.ts';
import { randomHex } from '../../platform/random.ts';

type Tools = Pick<DriverContext, 'run' | 'signal' | 'cache'>;

/** A disk that is never written while a layer is over it, and goes by another path when it is another one. */
export type Base = { readonly path: string; readonly format: string };

/** Starting qemu-img takes longer than all else that a disk needs, so that it is done once. */
export async function layOver(tools: Tools, base: Base, disk: string): Promise<void> {
  await whole(disk, async fresh => {
    const copy = async (): Promise<void> =>
      copyFile(await ensureLayer(tools, base), fresh, constants.COPYFILE_FICLONE);
    await copy().catch((error: unknown) => {
      // It was cleared away in the same moment.
      if (!isAbsence(error)) throw error;
      return copy();
    });
  });
}

/** They are made again when they are needed. */
export async function clearLayers({ cache }: Pick<Tools, 'cache'>): Promise<void> {
  await rm(folderIn(cache), { recursive: true, force: true });
}

/** Appears whole or not at all. */
export async function whole(path: string, make: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = `${path}.${randomHex(4)}.new`;
  try {
    await make(fresh);
    await chmod(fresh, 0o600);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

async function ensureLayer({ run, signal, cache }: Tools, { path, format }: Base): Promise<string> {
  const name = createHash('sha256').update(`${format} ${path}`).digest('hex').slice(0, 16);
  const layer = join(folderIn(cache), `${name}.qcow2`);
  if (await isPresent(layer)) return layer;
  await ensureFolder(cache);
  await ensureFolder(folderIn(cache));
  await whole(layer, async fresh => {
    const words = ['create', '-q', '-f', 'qcow2', '-F', format, '-b', path, fresh];
    await run(['qemu-img', ...words], { signal, timeoutMs: 120_000 });
    // Every later machine begins with it, so that it must not be lost in part with the power.
    await synced(fresh);
  });
  return layer;
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function folderIn(cache: string): string {
  return join(cache, 'layers');
}

// The disk of a machine: a thin layer over the image's own, which is shared and never written.
import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import type { DriverContext } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import type { StoredImage } from '../../core/image.ts';
import { isPresent } from '../../platform/files.ts';
import { parseJson } from '../../protocol/parse.ts';
import { layOver, whole } from './layers.ts';

type Tools = Pick<DriverContext, 'run' | 'signal'>;

/** Appears whole or not at all, and stays when it is there. */
export async function ensureDisk(
  tools: Tools & Pick<DriverContext, 'cache'>,
  disk: string,
  image: StoredImage,
): Promise<void> {
  if (await isPresent(disk)) return;
  const base = image.file('disk');
  const format = image.manifest.files.find(({ role }) => role === 'disk')?.format;
  if (base === undefined || format === undefined || !(await isPresent(base))) {
    return fail('image-broken', `the image ${image.name} has no disk to start from`, {
      hint: 'heyvm images inspect says what it has; bootstrap, pull or build it again',
    });
  }
  await layOver(tools, { path: base, format }, disk);
}

/** A copy that shares what it can with the original, where the file system has that. */
export async function copyDisk(from: string, to: string): Promise<void> {
  await whole(to, fresh => copyFile(from, fresh, constants.COPYFILE_FICLONE));
}

/** Only ever grows, because a smaller disk would cut a file system off. */
export async function growDisk(tools: Tools, disk: string, bytes: number): Promise<void> {
  const now = await virtualSize(tools, disk);
  if (bytes < now) refuseShrink(now, bytes);
  const whole = Math.floor(bytes / SECTOR) * SECTOR;
  if (whole > now) await qemuImg(tools, ['resize', '-q', '-f', 'qcow2', disk, String(whole)]);
}

export function refuseShrink(now: number, bytes: number): never {
  fail('usage', `the disk has ${inGib(now)} already and cannot shrink to ${inGib(bytes)}`, {
    hint: `ask for at least that: --disk ${Math.ceil(now / GIB)}g`,
  });
}

const SECTOR = 512;
const GIB = 1024 ** 3;

function inGib(bytes: number): string {
  return `${Number((bytes / GIB).toFixed(1))} GiB`;
}

export async function virtualSize(tools: Tools, disk: string): Promise<number> {
  const text = await qemuImg(tools, ['info', '--output=json', '-U', disk]);
  const parsed = parseJson(z.object({ 'virtual-size': z.int() }), text);
  if (parsed.ok) return parsed.value['virtual-size'];
  return fail('command-failed', `qemu-img said nothing useful about ${disk}: ${parsed.problem}`);
}

async function qemuImg({ run, signal }: Tools, words: readonly string[]): Promise<string> {
  const { stdout } = await run(['qemu-img', ...words], { signal, timeoutMs: 120_000 });
  return stdout;
}

// What a machine on another host runs from: files of its image, uploaded once, and a disk of its own over them.
import { stat } from 'node:fs/promises';
import type { DriverContext } from '../../../core/backend.ts';
import { fail } from '../../../core/errors.ts';
import type { StoredImage } from '../../../core/image.ts';
import { randomHex } from '../../../platform/random.ts';
import type { ImageFile } from '../../../protocol/image.ts';
import { withLock } from '../../../store/lock.ts';
import { refuseShrink } from '../disk.ts';
import type { MachineRecord } from '../record.ts';
import { libvirtAt } from '../virsh.ts';
import { claim, lockName, locksOf, type Place } from './places.ts';
import { type Pool, poolOf } from './pool.ts';

type Tools = Pick<DriverContext, 'run' | 'signal' | 'cache' | 'storeId' | 'progress' | 'state'>;

/** Of the machine alone. */
export function ownVolumes({ name }: Pick<MachineRecord, 'name'>): { disk: string; seed: string } {
  return { disk: `${name}.qcow2`, seed: `${name}-seed.iso` };
}

/** Lies beside a volume that was uploaded to its end; one without it was interrupted. */
export const WHOLE = '.whole';

/** Of a file of an image: the volume that holds all of it, of those that begin with its stem. */
export function wholeOf(there: ReadonlyMap<string, string>, stem: string): string | undefined {
  return [...there.keys()].find(name => stemOf(name) === stem && there.has(name + WHOLE));
}

/** What the volume is of; undefined for marks, and for what does not hold a file of an image. */
export function stemOf(name: string): string | undefined {
  return /^(heyvm-[0-9a-z]+-sha256-[0-9a-f]+)-[0-9a-f]{8}$/.exec(name)?.[1];
}

/** An upload takes as long as the network needs; whoever asked may end it earlier. */
const UPLOAD_MS = 6 * 60 * 60_000;

export type Shared = {
  readonly role: ImageFile['role'];
  /** What the names of its volumes begin with. */
  readonly stem: string;
  readonly format: 'qcow2' | 'raw';
  readonly path: string;
};

/** Pure. Named by their content, so that what is there already is not sent again. */
export function sharedVolumes(
  { storeId }: Pick<Tools, 'storeId'>,
  { name, manifest, file }: StoredImage,
): readonly Shared[] {
  const roles = manifest.init === 'heyvm' ? (['disk', 'kernel', 'initrd'] as const) : (['disk'] as const);
  return roles.map(role => {
    const path = file(role);
    const known = manifest.files.find(each => each.role === role);
    if (path === undefined || known === undefined) {
      return fail('image-broken', `the image ${name} has no ${role} to start from`, {
        hint: 'heyvm images inspect says what it has; bootstrap, pull or build it again',
      });
    }
    const digest = known.digest.replace('sha256:', '').slice(0, DIGITS);
    const format = known.format === 'qcow2' ? 'qcow2' : 'raw';
    return { role, path, format, stem: `heyvm-${storeId}-sha256-${digest}` };
  });
}

const DIGITS = 40;

/** Each attempt has a name of its own: what an interrupted one sends may still be on its way. */
export async function upload(
  tools: Tools,
  place: Place,
  { stem, format, path, role }: Shared,
): Promise<void> {
  const waiting = { signal: tools.signal, wait: 'wait' } as const;
  await withLock(locksOf(tools), lockName(place, stem), waiting, async () => {
    const pool = poolOf(libvirtAt(place.uri, { ...tools, patienceMs: UPLOAD_MS }), place.pool);
    if (wholeOf(await pool.volumes(), stem) !== undefined) return;
    tools.progress({ phase: 'uploading the image', detail: `its ${role}` });
    const name = `${stem}-${randomHex(4)}`;
    await pool.create({ name, format, bytes: (await stat(path)).size });
    await pool.upload(name, path);
    await pool.create({ name: name + WHOLE, format: 'raw', bytes: 512 });
  });
}

type Layer = {
  readonly record: MachineRecord;
  /** What it is made over; absent when it is there. */
  readonly base: Shared | undefined;
  readonly bytes: number | undefined;
};

/** A layer over the image's disk; stays when it is there, and grows when it shall be larger. */
export async function ensureDiskThere(pool: Pool, { record, base, bytes }: Layer): Promise<void> {
  const { disk } = ownVolumes(record);
  const below = base === undefined ? disk : wholeOf(await pool.volumes(), base.stem);
  if (below === undefined)
    fail('guest-failed', 'the disk of the image was removed on the other host meanwhile');
  const now = await pool.capacity(below);
  if (bytes !== undefined && bytes < now) refuseShrink(now, bytes);
  const wanted = bytes === undefined ? now : Math.floor(bytes / SECTOR) * SECTOR;
  if (base !== undefined) {
    const over = { name: below, format: base.format };
    await pool.create({ name: disk, bytes: wanted, format: 'qcow2', over });
  } else if (wanted > now) await pool.grow(disk, wanted);
}

const SECTOR = 512;

/** Before anything of the machine lies there. */
export async function claimVolumes(
  tools: Tools,
  place: Place,
  { name }: Pick<MachineRecord, 'name'>,
  volumes: readonly Shared[],
): Promise<void> {
  await claim(tools, place, name, { state: tools.state, volumes: volumes.map(({ stem }) => stem) });
}

/** The same name with new content; libvirt changes no volume's size by an upload. */
export async function replaceVolume(pool: Pool, name: string, file: string): Promise<void> {
  await pool.remove([name]);
  await pool.create({ name, format: 'raw', bytes: (await stat(file)).size });
  await pool.upload(name, file);
}

// Copies of a machine's disk: taken while it stands still for a moment, and put back while it is off.
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import type { DriverContext, Ref, Snapshot, Snapshots, TakeOptions } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { ensureFolder } from '../../platform/files.ts';
import { randomHex } from '../../platform/random.ts';
import { parse } from '../../protocol/parse.ts';
import { conditionOf } from './condition.ts';
import { copyDisk } from './disk.ts';
import { linesOf } from './guest.ts';
import { placesOf } from './places.ts';
import { needRecord } from './record.ts';
import { libvirtAt } from './virsh.ts';

const DiskSnapshot = z.strictObject({ version: z.literal(1), disk: z.string() });

export const snapshots: Snapshots = {
  take,
  async restore(context, ref, snapshot) {
    const { uri, name } = await needRecord(context);
    const found = await conditionOf(libvirtAt(uri, context), name);
    if (found.kind !== 'off' && found.kind !== 'unknown') {
      fail('busy', 'the machine still runs', { hint: 'stop it with heyvm stop' });
    }
    await copyDisk(diskOf(snapshot), placesOf(context).disk);
    return ref;
  },
  async drop(_context, snapshot) {
    await rm(diskOf(snapshot), { force: true });
    return [];
  },
};

/** Where the copied disk of a snapshot is, which a new sandbox begins with. */
export function diskOf(snapshot: Ref): string {
  const parsed = parse(DiskSnapshot, snapshot);
  return parsed.ok
    ? parsed.value.disk
    : fail('record-broken', `the reference of the snapshot is not understood: ${parsed.problem}`);
}

async function take(context: DriverContext, _ref: Ref, options: TakeOptions): Promise<Snapshot> {
  const { disk, snapshots: folder } = placesOf(context);
  const { uri, name } = await needRecord(context);
  const libvirt = libvirtAt(uri, context);
  await ensureFolder(folder);
  const copy = join(folder, `${options.name}-${randomHex(4)}.qcow2`);
  await ensureFolder(dirname(copy));
  const { kind } = await conditionOf(libvirt, name);
  if (kind === 'running') {
    await flush(options);
    // When it stands still, QEMU has written everything that it holds back to the file.
    await libvirt.call(['suspend', name]);
    try {
      await copyDisk(disk, copy);
    } finally {
      await libvirt.call(['resume', name]);
    }
  } else {
    await copyDisk(disk, copy);
  }
  const ref = { version: 1, disk: copy } satisfies z.output<typeof DiskSnapshot>;
  if (options.memory === 'unwanted') return { ref, memory: false };
  return { ref, memory: false, why: 'running programs are not part of snapshots of this backend' };
}

/** What programs wrote and the guest's kernel still holds; without it the copy is like one after a loss of power. */
async function flush({ guest }: TakeOptions): Promise<void> {
  if (guest === undefined || !linesOf.has(guest)) return;
  const child = await guest.exec({ argv: ['sync'] });
  await child.exited;
}

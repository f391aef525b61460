// Removes from other hosts what no sandbox of this store needs: machines, their disks, and files of images.
import type { MachineContext, Residue } from '../../../core/backend.ts';
import { acquireLock, type Lock } from '../../../store/lock.ts';
import { sandboxOf } from '../record.ts';
import type { Libvirt } from '../virsh.ts';
import { claimsOf, forgetPlace, lockName, locksOf, type Place } from './places.ts';
import { type Pool, poolOf } from './pool.ts';
import { stemOf, WHOLE } from './volumes.ts';

export type Clearing = {
  readonly libvirt: Libvirt;
  readonly place: Place;
  readonly living: ReadonlySet<string>;
};

/** After machines without a sandbox are gone. */
export async function sweepPlace(
  context: MachineContext,
  { libvirt, place, living }: Clearing,
): Promise<readonly Residue[]> {
  const own = `heyvm-${context.storeId}-`;
  const pool = poolOf(libvirt, place.pool);
  // Listed before the claims are read: what is there by now was claimed before.
  const there = [...(await pool.volumes()).keys()];
  const claims = await claimsOf(context, place);
  const domains = new Set((await libvirt.domains()).map(({ name }) => name));
  const disks = there.filter(name => {
    const machine = name.replace(/(-seed\.iso|\.qcow2)$/, '');
    const id = sandboxOf(context, machine);
    return id !== undefined && !living.has(id) && !claims.has(machine) && !domains.has(machine);
  });
  await pool.remove(disks);
  const files = await clearShared(context, { place, pool, own });
  if (![...(await pool.volumes()).keys()].some(name => name.startsWith(own)))
    await forgetPlace(context, place);
  const at = (name: string): string => `${place.uri}: ${name}`;
  return [
    ...disks.map(name => ({ what: 'a disk without a sandbox', path: at(name) })),
    ...files.map(name => ({ what: 'a file of an image that no sandbox there uses', path: at(name) })),
  ];
}

type Shared = { readonly place: Place; readonly pool: Pool; readonly own: string };

/** Also what was uploaded in part; whoever uploads something right now has its lock. */
async function clearShared(
  context: MachineContext,
  { place, pool, own }: Shared,
): Promise<readonly string[]> {
  const stems = new Set([...(await pool.volumes()).keys()].map(stemOf).filter(stem => stem?.startsWith(own)));
  const locks = new Map<string | undefined, Lock>();
  try {
    for (const stem of stems) {
      const waiting = { wait: 'fail' } as const;
      const name = lockName(place, stem ?? '');
      const lock = await acquireLock(locksOf(context), name, waiting).catch(() => undefined);
      if (lock !== undefined) locks.set(stem, lock);
    }
    const there = await pool.volumes();
    // Whoever is about to use one has claimed it before it asked for the lock.
    const used = [...(await claimsOf(context, place)).values()].flatMap(({ volumes }) => volumes);
    const names = [...there.keys()].filter(name => {
      const stem = stemOf(name);
      return locks.has(stem) && !(there.has(name + WHOLE) && used.includes(stem ?? ''));
    });
    // The marks first, because a volume without one is taken for interrupted.
    await pool.remove([...names.map(name => name + WHOLE).filter(mark => there.has(mark)), ...names]);
    return names;
  } finally {
    for (const lock of locks.values()) lock.release();
  }
}

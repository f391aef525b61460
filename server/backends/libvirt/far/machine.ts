// Machines on another host: their volumes, their start, the lines to them, and their removal.
import { rm } from 'node:fs/promises';
import type { DriverContext, LaunchRequest, Residue } from '../../../core/backend.ts';
import { fail, toSandboxError } from '../../../core/errors.ts';
import type { StoredImage } from '../../../core/image.ts';
import { ensureFolder, writeAtomic } from '../../../platform/files.ts';
import { awaitReady } from '../boot.ts';
import { type Machine, renderDomain } from '../domain.ts';
import { type Line, lineOver } from '../line.ts';
import { parseOptions } from '../options.ts';
import { placesOf } from '../places.ts';
import { planMachine } from '../plan.ts';
import type { MachineRecord } from '../record.ts';
import { hostKeyOf, writeSeed } from '../seed.ts';
import { bootTwice, bringUp, patienceFor, type Started, type Starting, writeStage } from '../start.ts';
import { markBegun } from '../templates/eligible.ts';
import { type Libvirt, libvirtAt } from '../virsh.ts';
import { streamOf } from './connection.ts';
import { keepConsole } from './console.ts';
import { readFarHost } from './host.ts';
import { type Place, unclaim } from './places.ts';
import { type Pool, poolOf } from './pool.ts';
import {
  claimVolumes,
  ensureDiskThere,
  ownVolumes,
  replaceVolume,
  sharedVolumes,
  upload,
  wholeOf,
} from './volumes.ts';

/** A record of a machine on another host. */
export type FarRecord = MachineRecord & { readonly far: NonNullable<MachineRecord['far']> };

export function isFarRecord(record: MachineRecord): record is FarRecord {
  return record.far !== undefined;
}

export function lineToFar({ uri, name }: FarRecord): Line {
  return lineOver(() => streamOf(uri, { domain: name, what: 'channel' }));
}

/** The line to a machine that runs already, and its console. */
export function attachFar(context: DriverContext, record: FarRecord): Line {
  const line = lineToFar(record);
  const { uri, name } = record;
  void keepConsole({ uri, domain: name, file: placesOf(context).console, line });
  return line;
}

type Made = { readonly record: FarRecord; readonly image: StoredImage; readonly request: LaunchRequest };

/** Uploads what is not there yet. A disk that is there stays on the image that it was made from. */
export async function makeFarDisk(context: DriverContext, { record, image, request }: Made): Promise<void> {
  const place = placeOf(record);
  const pool = poolOf(libvirtAt(record.uri, context), place.pool);
  const made = (await pool.volumes()).has(ownVolumes(record).disk);
  const shared = sharedVolumes(context, image).filter(({ role }) => !made || role !== 'disk');
  await claimVolumes(context, place, record, shared);
  for (const volume of shared) await upload(context, place, volume);
  const base = shared.find(({ role }) => role === 'disk');
  await ensureDiskThere(pool, { record, base, bytes: request.limits.disk });
}

/** Resolves when programs can be run; on any failure nothing of it runs. */
export async function startFar(starting: Starting & { readonly record: FarRecord }): Promise<Started> {
  const { context, request, record, image, libvirt, places } = starting;
  context.progress({ phase: 'preparing the machine' });
  await ensureFolder(context.state);
  await ensureFolder(context.runtime);
  const { emulator, accelerator } = await readFarHost(libvirt, parseOptions(request.options));
  const host = { emulator, accelerator };
  const { storeId, state } = context;
  const hostKey = await hostKeyOf(image, places);
  const plan = planMachine({ request, record, image, places, storeId, state, host, hostKey });
  await writeStage(places, plan);
  await markBegun(state);
  const machine = await onVolumes(starting, plan.machine);
  // Nothing of this machine can be mounted there.
  return bringUp(starting, plan, { workspace: 'reverse-sftp' }, async () => ({
    line: await bootTwice(starting, machine, (each, how) => bootFar(starting, each, how)),
  }));
}

async function onVolumes(
  starting: Starting & { readonly record: FarRecord },
  machine: Machine,
): Promise<Machine> {
  const { context, request, record, image, libvirt, places } = starting;
  await makeFarDisk(context, { record, image, request });
  const pool = poolOf(libvirtAt(libvirt.uri, context), record.far.pool);
  const own = ownVolumes(record);
  if (machine.seed !== undefined) {
    await writeSeed(context, places, request.name);
    await replaceVolume(pool, own.seed, places.seed);
    await rm(places.seed, { force: true });
  }
  return pathsIn(await pool.volumes(), { machine, own, shared: sharedVolumes(context, image) });
}

type Volumes = {
  readonly machine: Machine;
  readonly own: ReturnType<typeof ownVolumes>;
  readonly shared: ReturnType<typeof sharedVolumes>;
};

/** Pure: the same machine with the paths of that host, and without what only this one has. */
export function pathsIn(paths: ReadonlyMap<string, string>, { machine, own, shared }: Volumes): Machine {
  const pathOf = (name: string): string =>
    paths.get(name) ??
    fail('guest-failed', `the volume ${name} was removed on the other host`, { hint: START });
  const fileOf = (role: string): string => {
    const { stem = role } = shared.find(volume => volume.role === role) ?? {};
    return pathOf(wholeOf(paths, stem) ?? stem);
  };
  const { boot } = machine;
  return {
    ...machine,
    boot: boot.kind === 'kernel' ? { ...boot, kernel: fileOf('kernel'), initrd: fileOf('initrd') } : boot,
    disk: pathOf(own.disk),
    seed: machine.seed === undefined ? undefined : pathOf(own.seed),
    port: undefined,
    console: undefined,
    share: undefined,
    shared: 'not',
  };
}

const START = 'start it again, which uploads what is missing';

/** It stands still until its console is listened to, which keeps nothing for later. */
async function bootFar(
  starting: Starting & { readonly record: FarRecord },
  machine: Machine,
  how: 'boot' | 'resume',
): Promise<Line> {
  const { context, libvirt, record, places } = starting;
  const { name } = record;
  context.progress({ phase: how === 'resume' ? 'resuming' : 'booting' });
  const description = `${places.record}.xml`;
  if (how === 'boot') await writeAtomic(description, renderDomain(machine), { durability: 'quick' });
  const define = how === 'boot' ? ([['define', description]] as const) : [];
  await libvirt.call(...define, ['start', name, '--paused']);
  const line = lineToFar(record);
  try {
    await keepConsole({ uri: record.uri, domain: name, file: places.console, line });
    await libvirt.call(['resume', name]);
  } catch (error) {
    line.close();
    throw error;
  }
  return awaitReady({ context, libvirt, name, places, line, patienceMs: patienceFor(machine) });
}

/** What could not be removed; the shared volumes stay for the next sandbox. */
export async function removeFarVolumes(
  context: DriverContext,
  record: FarRecord,
): Promise<readonly Residue[]> {
  const libvirt = libvirtAt(record.uri, context);
  try {
    await removeVolumes(libvirt, poolOf(libvirt, record.far.pool), Object.values(ownVolumes(record)));
  } catch (error) {
    context.signal.throwIfAborted();
    return [{ what: `the disk of the machine: ${toSandboxError(error).message}`, path: record.uri }];
  }
  await unclaim(context, placeOf(record), record.name);
  return [];
}

/** Whoever took the pool away took what lay in it from libvirt. */
async function removeVolumes(libvirt: Libvirt, pool: Pool, names: readonly string[]): Promise<void> {
  const known = await libvirt.call(['pool-list', '--all', '--name']);
  if (!known.split('\n').some(line => line.trim() === pool.name)) return;
  const there = await pool.volumes();
  await pool.remove(names.filter(name => there.has(name)));
}

function placeOf({ uri, far }: FarRecord): Place {
  return { uri, pool: far.pool };
}

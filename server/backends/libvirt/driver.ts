// Carries plans out: makes the disk, describes the machine to libvirt, starts or finds it, and clears up after it.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Condition, Driver, DriverContext, LaunchRequest, Ref, Residue } from '../../core/backend.ts';
import { cautionsOf, gapsOf, refuseGaps } from '../../core/conform.ts';
import { fail } from '../../core/errors.ts';
import type { Guest } from '../../core/guest.ts';
import type { StoredImage } from '../../core/image.ts';
import { ensureFolder } from '../../platform/files.ts';
import { removeTree } from '../../platform/removeTree.ts';
import { releaseGuest } from '../../wire/setup.ts';
import { checkMounts } from '../kit/mounts.ts';
import { realWorkspace, withRealPaths } from '../kit/workspace.ts';
import { conditionOf, forceOff } from './condition.ts';
import { copyDisk, ensureDisk } from './disk.ts';
import { isFar, refuseFar } from './far/host.ts';
import { attachFar, isFarRecord, lineToFar, makeFarDisk, removeFarVolumes, startFar } from './far/machine.ts';
import { knownPlaces } from './far/places.ts';
import { linesOf, makeGuest } from './guest.ts';
import { uriOf } from './host.ts';
import { forgetInterruption, giveMountsBack, isInterrupted } from './interruption.ts';
import { type Line, lineTo } from './line.ts';
import { manifest } from './manifest.ts';
import { DEFAULT_POOL, parseOptions } from './options.ts';
import { placesOf } from './places.ts';
import { probe } from './probe.ts';
import {
  checkRef,
  domainName,
  type MachineRecord,
  needRecord,
  readRecord,
  refOf,
  sandboxOf,
  uuidOf,
  writeRecord,
} from './record.ts';
import { partsOf, snapshots } from './snapshots.ts';
import { startMachine } from './start.ts';
import { removeDomain, sweep } from './sweep.ts';
import { isNew } from './templates/eligible.ts';
import { leaveGround, standOn } from './templates/fork.ts';
import { goOn } from './templates/moment.ts';
import { libvirtAt } from './virsh.ts';
import { resumeServing } from './workspace.ts';

export const driver: Driver = {
  probe: context => probe(context, manifest.capabilities),
  create,
  open,
  inspect,
  destroy,
  sweep,
  elsewhere: async context => (await knownPlaces(context)).map(({ uri, pool }) => ({ connect: uri, pool })),
  async halt(context) {
    const { uri, name } = await needRecord(context);
    await forceOff(libvirtAt(uri, context), name);
  },
  pausing: {
    async pause(context) {
      // From now on it stands still because somebody wants it.
      await forgetInterruption(context);
      await turn(context, { from: 'running', command: 'suspend' });
    },
    resume: context => turn(context, { from: 'paused', command: 'resume' }),
  },
  suspending: { suspend },
  snapshots,
};

async function create(context: DriverContext, request: LaunchRequest): Promise<Ref> {
  const image = needImage(request);
  const places = placesOf(context);
  await ensureFolder(context.state);
  const known = await readRecord(context);
  const record = known ?? (await newRecord(context, request, image));
  // First, so that whatever is made after it is found again.
  if (known === undefined) await writeRecord(context, record);
  if (isFarRecord(record)) await makeFarDisk(context, { record, image, request });
  else if (request.from === undefined) await ensureDisk(context, places.disk, image);
  else if (!existsSync(places.disk)) {
    const { disk, ground } = partsOf(request.from);
    if (ground !== undefined) await standOn(context, ground, request.id);
    await copyDisk(disk, places.disk);
  }
  return refOf(record);
}

async function newRecord(
  context: DriverContext,
  request: LaunchRequest,
  image: StoredImage,
): Promise<MachineRecord> {
  const options = parseOptions(request.options);
  const uri = uriOf(options);
  const name = domainName(context, request.id);
  const far = await isFar(context, libvirtAt(uri, context));
  if (far && request.from !== undefined) refuseFar('it cannot begin as a copy of another one');
  if (far && options.workspace === 'shared') refuseFar('its workspace cannot be shared');
  return {
    version: 1,
    uri,
    name,
    uuid: uuidOf(name),
    workspace: realWorkspace(request.workspace),
    image: { name: image.name, digest: image.manifest.digest },
    ...(far ? { far: { pool: options.pool ?? DEFAULT_POOL } } : {}),
  };
}

async function open(context: DriverContext, ref: Ref, asked: LaunchRequest): Promise<Guest> {
  checkRef(ref);
  const record = await needRecord(context);
  const request = withRealPaths(asked, record.workspace);
  // What follows the machine outlives the request to open it.
  const libvirt = libvirtAt(record.uri, { run: context.run, signal: new AbortController().signal });
  const places = placesOf(context);
  const parts = { context, libvirt, name: record.name, places };
  // libvirt hears of a machine for the first time when it begins.
  const begun = !isNew(context.state);
  const found = begun ? await conditionOf(libvirt, record.name) : ({ kind: 'unknown' } as const);
  if (found.kind === 'running' || found.kind === 'paused' || found.kind === 'full') {
    const interrupted = await isInterrupted(context);
    if (interrupted && found.kind === 'paused') await goOn(libvirtAt(record.uri, context), record.name);
    const line = isFarRecord(record) ? attachFar(context, record) : lineTo(places.port);
    const workspace = await resumeServing({ context, line, places, owner: request.owner });
    if (interrupted) await giveMountsBack(context, () => line.connect(context.signal));
    return makeGuest({ ...parts, line, workspace });
  }
  await forgetInterruption(context);
  checkMounts(request.mounts);
  refuseGaps(manifest.id, gapsOf(manifest.capabilities, { ...request, image: record.image.name }));
  for (const caution of cautionsOf(manifest.capabilities, { ...request, image: record.image.name }))
    context.log(caution);
  const image = needImage(request);
  if (image.manifest.digest !== record.image.digest) {
    context.log(`the image ${image.name} has changed; this sandbox keeps the disk that it was made with`);
  }
  const starting = { context, request, image, libvirt, places, found };
  const started = await (isFarRecord(record)
    ? startFar({ ...starting, record })
    : startMachine({ ...starting, record }));
  return makeGuest({ ...parts, ...started });
}

async function inspect(context: DriverContext): Promise<Condition> {
  const record = await readRecord(context);
  if (record === undefined) return 'gone';
  // Also asked of what was cancelled, to see what is left of it.
  const asking = { run: context.run, signal: new AbortController().signal };
  const found = await conditionOf(libvirtAt(record.uri, asking), record.name);
  // Whoever attaches to it lets it go on.
  if (found.kind === 'paused' && (await isInterrupted(context))) return 'running';
  if (found.kind === 'running' || found.kind === 'paused') return found.kind;
  if (found.kind === 'full') return 'paused';
  return 'stopped';
}

async function destroy(context: DriverContext): Promise<readonly Residue[]> {
  const record = await readRecord(context).catch(() => undefined);
  const residues: Residue[] = [];
  if (record !== undefined)
    residues.push(...(await removeDomain(libvirtAt(record.uri, context), record.name)));
  // While the machine may run, its disk stays where it is and its record tells of it.
  if (residues.length > 0) return residues;
  if (record !== undefined && isFarRecord(record))
    residues.push(...(await removeFarVolumes(context, record)));
  if (residues.length > 0) return residues;
  await rm(placesOf(context).port, { force: true });
  await removeTree(context.state);
  const id = record === undefined ? undefined : sandboxOf(context, record.name);
  if (id !== undefined) await leaveGround(context, id);
  return [];
}

async function suspend(context: DriverContext, _ref: Ref, guest: Guest): Promise<void> {
  const record = await needRecord(context);
  const { uri, name } = record;
  const line = (): Line => (isFarRecord(record) ? lineToFar(record) : lineTo(placesOf(context).port));
  const connect = linesOf.get(guest) ?? line().connect;
  const busy = await releaseGuest(() => connect());
  if (busy.length > 0) {
    const listed = busy.map(({ pid, command }) => `${command} (${pid})`).join(', ');
    fail('busy', `programs inside use the workspace, which cannot be saved with them: ${listed}`, {
      hint: 'end them or let them leave the workspace, or use heyvm pause',
    });
  }
  try {
    await libvirtAt(uri, { ...context, patienceMs: SAVE_MS }).call(['managedsave', name, '--running']);
  } catch (error) {
    // Whoever gave up leaves it to libvirt, which goes on saving.
    if (!context.signal.aborted) await giveMountsBack(context, () => connect());
    throw error;
  }
}

/** The whole memory is written; whoever asked may end it earlier. */
const SAVE_MS = 30 * 60_000;

async function turn(
  context: DriverContext,
  { from, command }: { from: 'running' | 'paused'; command: string },
): Promise<void> {
  const { uri, name } = await needRecord(context);
  const libvirt = libvirtAt(uri, context);
  const { kind } = await conditionOf(libvirt, name);
  if (kind === from) await libvirt.call([command, name]);
  else if (kind !== 'running' && kind !== 'paused') {
    fail('not-running', 'the machine does not run', { hint: 'start it with heyvm start' });
  }
}

function needImage({ image }: LaunchRequest): StoredImage {
  if (image?.kind === 'stored') return image;
  const asked = image === undefined ? 'an image' : `the image ${image.name}`;
  return fail('image-not-found', `a machine needs ${asked} with a disk in the own store`, {
    hint: `heyvm images bootstrap debian:12 makes one, heyvm images list shows what is there`,
  });
}

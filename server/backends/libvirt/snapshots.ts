// Copies of a machine's disk: taken while it stands still for a moment, and put back while it is off.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import type {
  DriverContext,
  LaunchRequest,
  Ref,
  Snapshot,
  Snapshots,
  TakeOptions,
} from '../../core/backend.ts';
import { fail, toSandboxError } from '../../core/errors.ts';
import { ensureFolder, namesIn } from '../../platform/files.ts';
import { randomHex } from '../../platform/random.ts';
import { parse } from '../../protocol/parse.ts';
import { conditionOf } from './condition.ts';
import { copyDisk } from './disk.ts';
import { refuseFar } from './far/host.ts';
import { linesOf } from './guest.ts';
import { interrupting } from './interruption.ts';
import { placesOf } from './places.ts';
import { needRecord, sandboxOf } from './record.ts';
import { readSetup, tellSetup } from './setup.ts';
import { goOnFrom } from './templates/eligible.ts';
import { groundOf, releaseReason, saveReason } from './templates/fork.ts';
import { goOn } from './templates/moment.ts';
import { type Libvirt, libvirtAt } from './virsh.ts';

const DiskSnapshot = z.strictObject({
  version: z.literal(1),
  disk: z.string(),
  /** The running programs of that moment, where they are part of it. */
  moment: z.optional(z.string()),
  /** The template that the disk builds on. */
  ground: z.optional(z.string()),
});
type DiskSnapshot = z.output<typeof DiskSnapshot>;

export const snapshots: Snapshots = {
  take,
  async restore(context, ref, snapshot) {
    const { uri, name, far } = await needRecord(context);
    if (far !== undefined) refuseFar('it cannot be put back');
    const found = await conditionOf(libvirtAt(uri, context), name);
    if (found.kind !== 'off' && found.kind !== 'unknown') {
      fail('busy', 'the machine still runs', { hint: 'stop it with heyvm stop' });
    }
    const { disk, moment } = partsOf(snapshot);
    // What was saved when the machine was suspended goes with another disk.
    await libvirtAt(uri, context).attempt(['managedsave-remove', name]);
    await copyDisk(disk, placesOf(context).disk);
    await goOnFrom(context.state, moment);
    return ref;
  },
  async drop(_context, snapshot) {
    const { disk, moment } = partsOf(snapshot);
    await rm(disk, { force: true });
    if (moment !== undefined) await rm(moment, { force: true });
    return [];
  },
  async tidy(context, _ref, kept) {
    const { snapshots: folder } = placesOf(context);
    const known = new Set(kept.map(partsOf).flatMap(({ disk, moment }) => [disk, moment]));
    const strays = (await namesIn(folder)).map(name => join(folder, name)).filter(path => !known.has(path));
    for (const path of strays) await rm(path, { force: true });
    return [];
  },
};

/** What a new sandbox begins with. */
export function partsOf(snapshot: Ref): DiskSnapshot {
  const parsed = parse(DiskSnapshot, snapshot);
  return parsed.ok
    ? parsed.value
    : fail('record-broken', `the reference of the snapshot is not understood: ${parsed.problem}`);
}

/** Undefined where the request begins with no running programs. */
export function momentOf({ from }: Pick<LaunchRequest, 'from'>): string | undefined {
  return from === undefined ? undefined : partsOf(from).moment;
}

async function take(context: DriverContext, _ref: Ref, options: TakeOptions): Promise<Snapshot> {
  const { disk, snapshots: folder } = placesOf(context);
  const { uri, name, far } = await needRecord(context);
  if (far !== undefined) refuseFar('no snapshot can be taken');
  const libvirt = libvirtAt(uri, context);
  // Who gives up while it stands still does not leave it so.
  const waking = libvirtAt(uri, { run: context.run, signal: new AbortController().signal });
  await ensureFolder(folder);
  const copy = join(folder, `${options.name}-${randomHex(4)}.qcow2`);
  const moment = `${copy}.moment`;
  const ground = await groundOf(context, sandboxOf(context, name) ?? '');
  const { kind } = await conditionOf(libvirt, name);
  let why: string | undefined = 'the machine does not run';
  if (kind === 'running') {
    await flush(options);
    const copied = async (unmounted: boolean): Promise<string | undefined> => {
      // When it stands still, QEMU has written everything that it holds back to the file.
      await libvirt.call(['suspend', name]);
      try {
        const reason = unmounted ? await saveReason(libvirt, name, moment) : undefined;
        await copyDisk(disk, copy);
        return reason;
      } finally {
        await wake(waking, name);
      }
    };
    why = await interrupting(context, () => withoutMounts(context, options, copied));
  } else {
    await copyDisk(disk, copy);
  }
  const memory = options.memory === 'wanted' && why === undefined;
  const ref: DiskSnapshot = {
    version: 1,
    disk: copy,
    ...(memory ? { moment } : {}),
    ...(ground && { ground }),
  };
  return { ref, memory, ...(options.memory === 'wanted' && why !== undefined ? { why } : {}) };
}

/** Where libvirt went away meanwhile, nobody else lets it go on when that is back. */
async function wake(libvirt: Libvirt, name: string): Promise<void> {
  const until = Date.now() + AWAY_MS;
  for (;;) {
    try {
      return await goOn(libvirt, name);
    } catch (error) {
      if (toSandboxError(error).code !== 'backend-missing' || Date.now() > until) throw error;
      await delay(RETRY_MS);
    }
  }
}

const AWAY_MS = 10 * 60_000;
const RETRY_MS = 500;

/** Mounts cannot be saved; afterwards they are there again. Answers why programs are not saved, if they are not. */
async function withoutMounts(
  context: DriverContext,
  { guest, memory }: TakeOptions,
  work: (unmounted: boolean) => Promise<string | undefined>,
): Promise<string | undefined> {
  const connect = guest === undefined ? undefined : linesOf.get(guest);
  const setup = await readSetup(context);
  if (memory === 'unwanted' || connect === undefined || setup === undefined) {
    await work(false);
    return 'the guest program cannot be asked to let go of the workspace';
  }
  const busy = await releaseReason(connect);
  try {
    const why = await work(busy === undefined);
    return busy ?? why;
  } finally {
    // Also what was let go of before a program turned out to be busy.
    await tellSetup(connect, setup);
  }
}

/** A guest that does not come to an end with it gets a copy like after a loss of power. */
const FLUSH_MS = 120_000;

/** What programs wrote and the guest's kernel still holds; without it the copy is like one after a loss of power. */
async function flush({ guest }: TakeOptions): Promise<void> {
  if (guest === undefined || !linesOf.has(guest)) return;
  const child = await guest.exec({ argv: ['sync'] });
  for (const output of [child.stdout, child.stderr]) output.resume();
  const late = setTimeout(child.hangUp, FLUSH_MS);
  await child.exited;
  clearTimeout(late);
}

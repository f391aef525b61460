// Makes a template: boots a machine that belongs to nobody, lets it load what every sandbox needs first, and saves it.
import { chmod, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DriverContext } from '../../../core/backend.ts';
import { fail } from '../../../core/errors.ts';
import type { StoredImage } from '../../../core/image.ts';
import { ensureFolder, writeAtomic } from '../../../platform/files.ts';
import { guestOver } from '../../../wire/client.ts';
import { awaitReady } from '../boot.ts';
import { ensureDisk, growDisk } from '../disk.ts';
import { type Machine, type NearMachine, renderDomain } from '../domain.ts';
import type { Line } from '../line.ts';
import { placesOf } from '../places.ts';
import { uuidOf } from '../record.ts';
import { writeSeed } from '../seed.ts';
import type { Libvirt } from '../virsh.ts';
import { memoryArguments } from './memory.ts';
import { saveMoment } from './moment.ts';
import { clearScratch, type Scratch, scratchFor } from './scratch.ts';
import { declareDurable, filesIn, makingFolder, publish, type Template } from './shelf.ts';

export type Making = {
  readonly context: DriverContext;
  readonly libvirt: Libvirt;
  /** One of the kind that is wanted. */
  readonly machine: Machine;
  readonly image: StoredImage;
  readonly diskBytes: number | undefined;
  readonly shelf: string;
  readonly key: string;
  readonly patienceMs: number;
};

/**
 * The caller holds the lock of this key; what an earlier maker left half done is removed first. The machine stands still
 * when this is done, and `finishTemplate` ends it: QEMU takes seconds for that, which nobody has to wait for.
 */
export async function makeTemplate(making: Making): Promise<Template> {
  const { context, libvirt, shelf, key } = making;
  context.progress({ phase: `booting ${making.image.name} once`, detail: 'later machines resume from it' });
  const folder = makingFolder(shelf, key);
  await clearMaking(folder);
  await ensureFolder(folder);
  const { moment, memory, disk } = filesIn(folder);
  const { memoryMiB } = making.machine;
  const scratch = await scratchFor(context, { to: memory, memoryMiB });
  const machine = nobodys(making, folder, scratch.file);
  try {
    await ensureDisk(context, disk, making.image);
    if (making.diskBytes !== undefined) await growDisk(context, disk, making.diskBytes);
    await tellNobody(making, machine, folder);
    await boot(making, machine, { folder, scratch });
    await saveMoment(libvirt, machine.name, { to: moment, memory: 'file' });
    await scratch.keep();
    const { seed, hostKey } = placesOf({ ...context, state: folder });
    for (const own of [seed, hostKey]) await rm(own, { force: true });
    await chmod(disk, 0o400);
    // QEMU opens it for writing, also where it only copies from it.
    await chmod(memory, 0o600);
    return await publish(shelf, key, folder);
  } catch (error) {
    await scratch.drop();
    await libvirt.attempt(['destroy', machine.name]);
    await clearMaking(folder);
    throw error;
  }
}

/** What is left of a maker's work; the folder goes last, because it is what the rest is found by. */
export async function clearMaking(folder: string): Promise<void> {
  await clearScratch(filesIn(folder).memory);
  await rm(folder, { recursive: true, force: true });
}

export function templateName({ storeId }: Pick<DriverContext, 'storeId'>, key: string): string {
  return `heyvm-${storeId}-template-${key}`;
}

/** Undefined for every other domain. */
export function templateKey(context: Pick<DriverContext, 'storeId'>, name: string): string | undefined {
  const start = templateName(context, '');
  return name.startsWith(start) ? name.slice(start.length) : undefined;
}

/** Of any store. */
export function isTemplate(name: string): boolean {
  return /^heyvm-[^-]+-template-/.test(name);
}

/** Only after this a template outlives a loss of power. */
export async function finishTemplate({ context, libvirt, key }: Making, template: Template): Promise<void> {
  await libvirt.attempt(['destroy', templateName(context, key)]);
  for (const path of Object.values(template.files)) {
    const file = await open(path, 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }
  await declareDurable(template);
}

/** No workspace, no identity, and memory that lands in a file. */
function nobodys({ context, machine, key }: Making, folder: string, memory: string): NearMachine {
  const name = templateName(context, key);
  const { disk } = filesIn(folder);
  const places = placesOf({ ...context, state: folder });
  return {
    ...machine,
    ...{ name, uuid: uuidOf(name), id: `template-${key}`, state: folder, disk },
    seed: machine.seed === undefined ? undefined : places.seed,
    port: join(context.runtime, 'template'),
    console: places.console,
    share: { folder: places.stage, plan: places.stagePlan },
    qemuArguments: memoryArguments({ kind: 'template', file: memory }, machine.memoryMiB),
  };
}

/** It learns what machines of its kind are told alike; who it is, is gone with it. */
async function tellNobody({ context }: Making, { seed }: NearMachine, folder: string): Promise<void> {
  if (seed === undefined) return;
  const { hostKey } = placesOf({ ...context, state: folder });
  await writeSeed({ ...context, state: folder }, { seed, hostKey }, 'template');
}

async function boot(
  { context, libvirt, patienceMs }: Making,
  machine: NearMachine,
  { folder, scratch }: { folder: string; scratch: Scratch },
): Promise<void> {
  const { name, port, console, share } = machine;
  const description = join(folder, 'domain.xml');
  await ensureFolder(share.folder);
  await writeAtomic(share.plan, `${JSON.stringify({ root: share.folder, binds: [] })}\n`, {
    durability: 'quick',
  });
  await writeAtomic(description, renderDomain(machine), { durability: 'quick' });
  await rm(port, { force: true });
  // One of that name is left when its maker died.
  await libvirt.attempt(['destroy', name], ['create', description, '--validate']);
  await libvirt.call(['domstate', name]);
  await scratch.loseName();
  const places = { ...placesOf(context), port, console };
  const line = await awaitReady({ context, libvirt, name, places, patienceMs });
  try {
    if (machine.seed !== undefined) await finishFirstBoot(line, patienceMs);
    await warmUp(line);
  } finally {
    line.close();
    await rm(port, { force: true });
  }
}

/** A system that is saved while it still sets itself up would go on with that in each of its copies. */
async function finishFirstBoot(line: Line, patienceMs: number): Promise<void> {
  const wait = [
    'cloud-init status --wait',
    'if [ -d /run/systemd/system ]; then systemctl is-system-running --wait; fi',
  ];
  if (await runs(line, wait.join('; '), patienceMs)) return;
  fail('timeout', `its system was not ready with its first boot in ${patienceMs / 1000} seconds`);
}

/** What every sandbox begins with is then in memory, and common to all of them. */
async function warmUp(line: Line): Promise<void> {
  await runs(line, 'command -v bash >/dev/null && bash -lc true; ls / >/dev/null; sync', WARM_MS);
}

const WARM_MS = 60_000;

/** Whether it ended in time, however it did. */
async function runs(line: Line, script: string, patienceMs: number): Promise<boolean> {
  const guest = guestOver(() => line.connect());
  const program = await guest.exec({ argv: ['/bin/sh', '-c', script], cwd: '/' });
  program.stdin.end();
  program.stdout.resume();
  program.stderr.resume();
  const late = new AbortController();
  const ended = program.exited.then(() => true);
  try {
    return await Promise.race([ended, delay(patienceMs, false, { signal: late.signal })]);
  } finally {
    late.abort();
    program.hangUp();
  }
}

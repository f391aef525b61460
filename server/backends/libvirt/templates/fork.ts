// The memory part of a snapshot: running programs are saved with the disk, and a copy of the machine goes on with them.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../../core/backend.ts';
import { SandboxError } from '../../../core/errors.ts';
import { writeAtomic } from '../../../platform/files.ts';
import { type BusyProcess, type Connect, releaseGuest } from '../../../wire/setup.ts';
import { awaitReady } from '../boot.ts';
import { type Machine, renderDomain } from '../domain.ts';
import { placesOf } from '../places.ts';
import type { Libvirt } from '../virsh.ts';
import { memoryArguments, waitingArguments } from './memory.ts';
import { type Resumed, resumeMoment, saveMoment, settleMoment } from './moment.ts';
import { addUser, dropUser, shelfIn, templateAt, templateOf } from './shelf.ts';

/** Undefined when the mounts are away; else why a machine cannot be saved with its programs. */
export async function releaseReason(connect: Connect): Promise<string | undefined> {
  try {
    const busy = await releaseGuest(connect);
    return busy.length === 0 ? undefined : `programs use the workspace: ${listed(busy)}`;
  } catch (error) {
    if (error instanceof SandboxError) return error.message;
    throw error;
  }
}

/** The machine stands still afterwards, also when this fails. Undefined when it is saved, else why not. */
export async function saveReason(libvirt: Libvirt, name: string, to: string): Promise<string | undefined> {
  try {
    await saveMoment(libvirt, name, { to, memory: 'moment' });
    return undefined;
  } catch (error) {
    await rm(to, { force: true });
    if (error instanceof SandboxError) return error.message;
    throw error;
  }
}

export type Copy = {
  readonly context: DriverContext;
  readonly libvirt: Libvirt;
  /** Its disk is a copy of the one that was saved with the moment. */
  readonly machine: Machine;
  readonly description: string;
  readonly moment: string;
  /** To boot instead would lose the programs that ran, so that a busy host is waited for as at a boot. */
  readonly patienceMs: number;
};

/** Undefined, with the reason in the log, when it has to boot from its copied disk. */
export async function resumeCopy(copy: Copy): Promise<Resumed | undefined> {
  const { context, libvirt, machine, moment, patienceMs } = copy;
  const places = placesOf(context);
  const waiting = [...memoryArguments({ kind: 'own' }, machine.memoryMiB), ...waitingArguments];
  const description = join(context.state, 'resumed.xml');
  try {
    await writeAtomic(description, renderDomain({ ...machine, qemuArguments: waiting }), {
      durability: 'quick',
    });
    await rm(places.port, { force: true });
    const domain = { name: machine.name, description, definition: copy.description };
    await resumeMoment(libvirt, domain, { from: moment, memory: 'moment' });
    const settled = settleMoment(libvirt, machine.name);
    const line = await awaitReady({ context, libvirt, name: machine.name, places, patienceMs });
    return { line, settled };
  } catch (error) {
    await libvirt.attempt(['destroy', machine.name]);
    context.signal.throwIfAborted();
    if (!(error instanceof SandboxError)) throw error;
    context.log(`it boots, without the programs that ran: ${error.message}`);
    return undefined;
  }
}

/** The template that a sandbox's disk builds on, and with it every copy of that disk; undefined when it has none. */
export async function groundOf(
  { cache }: Pick<DriverContext, 'cache'>,
  id: string,
): Promise<string | undefined> {
  return (await templateOf(shelfIn(cache), id))?.name;
}

/** Before the copied disk is used, so that what it builds on stays. */
export async function standOn(
  { cache }: Pick<DriverContext, 'cache'>,
  ground: string,
  id: string,
): Promise<void> {
  await addUser(templateAt(shelfIn(cache), ground), id);
}

/** When the disk is gone. */
export async function leaveGround({ cache }: Pick<DriverContext, 'cache'>, id: string): Promise<void> {
  await dropUser(shelfIn(cache), id);
}

function listed(busy: readonly BusyProcess[]): string {
  return busy.map(({ pid, command }) => `${command} (${pid})`).join(', ');
}

// Starts a machine from a template of its kind, which is made when there is none: resumed instead of booted.
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../../core/backend.ts';
import { SandboxError } from '../../../core/errors.ts';
import type { StoredImage } from '../../../core/image.ts';
import { readTextIfExists, writeAtomic } from '../../../platform/files.ts';
import { withLock } from '../../../store/lock.ts';
import { awaitReady } from '../boot.ts';
import { type Machine, renderDomain } from '../domain.ts';
import { layOver } from '../layers.ts';
import { placesOf } from '../places.ts';
import { instanceOf } from '../seed.ts';
import type { Libvirt } from '../virsh.ts';
import { keyOf } from './kind.ts';
import { finishTemplate, makeTemplate } from './make.ts';
import { memoryArguments, waitingArguments } from './memory.ts';
import { type Resumed, resumeMoment, settleMoment } from './moment.ts';
import {
  addUser,
  failureIn,
  findTemplate,
  locksIn,
  retire,
  shelfIn,
  type Template,
  trimShelf,
} from './shelf.ts';

export type Wish = {
  readonly context: DriverContext;
  readonly libvirt: Libvirt;
  /** As it would be booted; its disk is made here. */
  readonly machine: Machine;
  readonly image: StoredImage;
  /** Of its disk, where one was asked for. */
  readonly diskBytes: number | undefined;
  /** Of libvirt and its QEMU; asked for while other things are done. */
  readonly versions: Promise<string>;
  /** The same in libvirt's words: what the domain stays when the machine is off. */
  readonly description: string;
  /** How much all templates together may take. */
  readonly limitBytes: number;
  readonly patienceMs: number;
};

export type Instant =
  | ({ readonly kind: 'running' } & Resumed)
  | { readonly kind: 'cold'; readonly why: string };

/** A machine without identity that answers; or the reason to boot, with nothing left behind but a template. */
export async function startInstantly(wish: Wish): Promise<Instant> {
  const { context, machine, image, diskBytes } = wish;
  const told = machine.seed === undefined ? undefined : instanceOf(await context.publicKey());
  const kind = { machine, imageDigest: image.manifest.digest, diskBytes, told };
  const key = await keyOf({ ...kind, versions: await wish.versions });
  try {
    const template = await templateFor(wish, key);
    if (typeof template === 'string') return { kind: 'cold', why: template };
    return await startFrom(wish, template);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof SandboxError)) throw error;
    return { kind: 'cold', why: error.message };
  }
}

/** At first one looks without the lock, so that starts from a template that is there do not wait for each other. */
async function templateFor(wish: Wish, key: string): Promise<Template | string> {
  const { context } = wish;
  const shelf = shelfIn(context.cache);
  const log = (line: string): void => context.log(line);
  const found = await findTemplate(shelf, key, log);
  if (found !== undefined) return found;
  const failure = await failureOf(shelf, key);
  if (failure !== undefined) return failure;
  const waiting = { signal: context.signal, wait: 'wait' } as const;
  return withLock({ locks: locksIn(shelf) }, key, waiting, async () => {
    const made = await findTemplate(shelf, key, log);
    if (made !== undefined) return made;
    try {
      const making = { ...wish, shelf, key };
      const template = await makeTemplate(making);
      await trimShelf(shelf, wish.limitBytes, template);
      finishTemplate(making, template).catch((error: unknown) => {
        log(`a prepared machine is only kept until this machine is started anew: ${String(error)}`);
      });
      return template;
    } catch (error) {
      context.signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      await writeAtomic(failureIn(shelf, key), why, { durability: 'quick' });
      return `no template can be made: ${why}`;
    }
  });
}

async function startFrom(wish: Wish, template: Template): Promise<Instant> {
  const { context, libvirt, machine } = wish;
  const places = placesOf(context);
  if (!(await addUser(template, machine.id))) {
    return { kind: 'cold', why: 'the template was removed in the same moment' };
  }
  try {
    await layOver(context, { path: template.files.disk, format: 'qcow2' }, machine.disk);
    const memory = memoryArguments({ kind: 'clone', file: template.files.memory }, machine.memoryMiB);
    const waiting = { ...machine, qemuArguments: [...memory, ...waitingArguments] };
    const description = join(context.state, 'resumed.xml');
    await writeAtomic(description, renderDomain(waiting), { durability: 'quick' });
    const domain = { name: machine.name, description, definition: wish.description };
    await rm(places.port, { force: true });
    await resumeMoment(libvirt, domain, { from: template.files.moment, memory: 'file' });
    const patienceMs = Math.min(wish.patienceMs, ANSWER_MS);
    const settled = settleMoment(libvirt, machine.name);
    const line = await awaitReady({ context, libvirt, name: machine.name, places, patienceMs });
    return { kind: 'running', line, settled };
  } catch (error) {
    await libvirt.attempt(['destroy', machine.name]);
    await rm(machine.disk, { force: true });
    // One that nobody can be started from would delay every start; an interrupted start says nothing about it.
    if (!context.signal.aborted) await retire(template.folder);
    throw error;
  }
}

/** A resumed machine has nothing to boot, so that it answers at once or not at all. */
const ANSWER_MS = 20_000;

/** A kind that cannot be prepared is not tried again at each start, but after a while. */
const FAILURE_HOLDS_MS = 60 * 60 * 1000;

async function failureOf(shelf: string, key: string): Promise<string | undefined> {
  const file = failureIn(shelf, key);
  const why = await readTextIfExists(file);
  if (why === undefined || Date.now() - (await stat(file)).mtimeMs > FAILURE_HOLDS_MS) return undefined;
  return `a template could not be made lately: ${why}`;
}

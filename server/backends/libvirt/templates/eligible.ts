// Which starts can be resumed from a template; the others boot, and a person may see why.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchRequest } from '../../../core/backend.ts';
import type { StoredImage } from '../../../core/image.ts';
import { readTextIfExists, writeAtomic } from '../../../platform/files.ts';
import type { Machine } from '../domain.ts';

export type Start = {
  readonly request: LaunchRequest;
  readonly image: StoredImage;
  readonly machine: Machine;
  readonly uri: string;
  /** Of the image that the sandbox was made from. */
  readonly digest: string;
  readonly state: string;
};

/** Undefined when it can be resumed; else why it has to boot. */
export function bootReason({ request, image, machine, uri, digest, state }: Start): string | undefined {
  if (request.cold) return 'a cold start was asked for';
  if (!isNew(state)) return 'its disk has its own history';
  if (request.from !== undefined) return 'it begins as a copy of another machine';
  if (image.manifest.digest !== digest) return 'its image has changed since it was made';
  if (new URL(uri).protocol !== 'qemu:') return 'its libvirt is not reached directly';
  if (machine.runAs !== undefined && machine.runAs.uid !== process.getuid?.()) {
    return 'QEMU runs as another user, who may not read templates';
  }
  return undefined;
}

/** Whether it never ran, so that its disk is still what it was made from. */
export function isNew(state: string): boolean {
  return !existsSync(markIn(state));
}

/** Before the first boot, so that nothing that was ever written to is taken for new. */
export async function markBegun(state: string): Promise<void> {
  if (isNew(state)) await writeAtomic(markIn(state), '', { durability: 'quick' });
}

/** Where the next start goes on instead of booting; nowhere when there is none. */
export async function goOnFrom(state: string, moment: string | undefined): Promise<void> {
  if (moment === undefined) await rm(pendingIn(state), { force: true });
  else await writeAtomic(pendingIn(state), moment);
}

/** Answers once: afterwards the disk has gone on, and the moment does not fit it any more. */
export async function takePending(state: string): Promise<string | undefined> {
  const moment = await readTextIfExists(pendingIn(state));
  if (moment !== undefined) await rm(pendingIn(state), { force: true });
  return moment;
}

function pendingIn(state: string): string {
  return join(state, 'go-on-from');
}

function markIn(state: string): string {
  return join(state, 'begun');
}

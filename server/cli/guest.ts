// Finds the guest of a sandbox by its record and talks to its owner directly; the service is not needed for that.
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import { connect } from '../platform/sockets.ts';
import type { Paths } from '../store/paths.ts';
import { type Entry, findEntry, readEntry } from '../store/sandboxes.ts';
import { guestOver } from '../wire/client.ts';

export type OpenGuest = Pick<Guest, 'exec' | 'dial' | 'sftp' | 'listeningPorts'>;

export type Found = { readonly entry: Entry; readonly guest: OpenGuest };

/** How often the record of a sandbox that is just starting is read again. */
const POLL_MS = 50;

/** Waits while the sandbox starts; fails with `not-running` when it does not run. */
export async function openGuest(paths: Paths, target: string, signal: AbortSignal): Promise<Found> {
  let entry = await findEntry(paths, target);
  if (entry.stale) entry = await settled(paths, entry, signal);
  while (entry.owner?.state === 'starting') {
    signal.throwIfAborted();
    await delay(POLL_MS, undefined, { signal });
    entry = (await readEntry(paths, entry.record.id)) ?? gone(target);
  }
  const { owner } = entry;
  if (owner?.state !== 'running') refuse(entry);
  return { entry, guest: guestOver(() => reach(owner.control_socket, entry.record.name)) };
}

/** Its owner is gone, and its guest may have outlived it; then a new owner takes it over first. */
async function settled(paths: Paths, { record }: Entry, signal: AbortSignal): Promise<Entry> {
  const { createService } = await import('../service/service.ts');
  const { call } = createService({ paths, env: process.env });
  await call('sandbox/get', { sandbox: record.id, settled: true }, { signal });
  return (await readEntry(paths, record.id)) ?? gone(record.name);
}

function refuse({ record, owner, stale }: Entry): never {
  const { name, unreachable } = record;
  if (stale && unreachable !== undefined) {
    fail('owner-unreachable', `the guest of ${name} cannot be reached: ${unreachable.reason}`, {
      hint: 'try again when it can',
    });
  }
  const verb = owner?.state === 'paused' || record.suspended === true ? 'resume' : 'start';
  const state = owner?.state ?? (record.suspended === true ? 'suspended' : 'not running');
  fail('not-running', `${name} is ${state}`, { hint: `heyvm ${verb} ${name}` });
}

function gone(target: string): never {
  fail('sandbox-not-found', `${target} was removed`);
}

async function reach(path: string, name: string): ReturnType<typeof connect> {
  try {
    return await connect(path);
  } catch (cause) {
    fail('owner-unreachable', `the owner of ${name} does not answer on ${path}`, {
      hint: `heyvm logs ${name} shows why; heyvm restart ${name} starts it again`,
      cause,
    });
  }
}

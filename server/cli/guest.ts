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
  while (entry.owner?.state === 'starting') {
    signal.throwIfAborted();
    await delay(POLL_MS, undefined, { signal });
    entry = (await readEntry(paths, entry.record.id)) ?? gone(target);
  }
  const { owner } = entry;
  if (owner?.state !== 'running') refuse(entry);
  return { entry, guest: guestOver(() => reach(owner.control_socket, entry.record.name)) };
}

function refuse({ record, owner }: Entry): never {
  const state = owner === undefined ? 'not running' : owner.state;
  fail('not-running', `${record.name} is ${state}`, { hint: `heyvm start ${record.name}` });
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

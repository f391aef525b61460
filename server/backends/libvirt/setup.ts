// Who a machine is and what it is shown: kept with it, and told to its guest program with the moment in which it is told.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { DriverContext } from '../../core/backend.ts';
import { readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { parseJson } from '../../protocol/parse.ts';
import { type Connect, GuestSetup, setupGuest } from '../../wire/setup.ts';

/** Kept, because whoever takes the mounts away for a moment has to give them back. */
export async function writeSetup({ state }: Pick<DriverContext, 'state'>, setup: GuestSetup): Promise<void> {
  await writeAtomic(join(state, 'setup.json'), JSON.stringify(setup), { durability: 'quick' });
}

/** Undefined for a machine that was never set up, or by a version that did not keep it. */
export async function readSetup({ state }: Pick<DriverContext, 'state'>): Promise<GuestSetup | undefined> {
  const parsed = parseJson(GuestSetup, (await readTextIfExists(join(state, 'setup.json'))) ?? '');
  return parsed.ok ? parsed.value : undefined;
}

/** Gives the guest its identity and its mounts; the same again changes nothing. */
export async function tellSetup(connect: Connect, setup: GuestSetup): Promise<void> {
  const moment = { time_ms: Date.now(), entropy: randomBytes(64).toString('base64') };
  await setupGuest(connect, { ...setup, ...moment });
}

// That a snapshot takes mounts and motion from a running machine for a moment, written down: when its owner is killed
// meanwhile, the next one gives them back, and a machine that stands still because of it is told from a paused one.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../core/backend.ts';
import { isPresent, writeAtomic } from '../../platform/files.ts';
import type { Connect } from '../../wire/setup.ts';
import { readSetup, tellSetup } from './setup.ts';

type Place = Pick<DriverContext, 'state'>;

/**
 * The work gives everything back itself. Where it fails nobody knows what it did give back, so that this is done once
 * more by the next owner, which changes nothing when it was done.
 */
export async function interrupting<T>(place: Place, work: () => Promise<T>): Promise<T> {
  await writeAtomic(markIn(place), '', { durability: 'quick' });
  const result = await work();
  await forgetInterruption(place);
  return result;
}

export async function isInterrupted(place: Place): Promise<boolean> {
  return isPresent(markIn(place));
}

export async function forgetInterruption(place: Place): Promise<void> {
  await rm(markIn(place), { force: true });
}

/** To a machine that goes on again. */
export async function giveMountsBack(
  context: Pick<DriverContext, 'state' | 'log'>,
  connect: Connect,
): Promise<void> {
  try {
    const setup = await readSetup(context);
    if (setup !== undefined) await tellSetup(connect, setup);
    await forgetInterruption(context);
  } catch (error) {
    context.log(`the workspace that was taken away for a moment could not be shown again: ${String(error)}`);
  }
}

function markIn({ state }: Place): string {
  return join(state, 'interrupted');
}

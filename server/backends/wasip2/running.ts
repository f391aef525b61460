// Remembers which process has the guest of a sandbox, so that others can ask whether it runs.
import { rm } from 'node:fs/promises';
import * as z from 'zod/mini';
import { readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { identifySelf, isSame } from '../../platform/process.ts';
import { parseJson } from '../../protocol/parse.ts';
import { runningFile } from './places.ts';

const Running = z.strictObject({ pid: z.int(), start_ticks: z.string(), boot_id: z.string() });

/** Not durable: the process that it names does not survive a loss of power either. */
export async function noteRunning(state: string): Promise<void> {
  await writeAtomic(runningFile(state), `${JSON.stringify(identifySelf())}\n`, { durability: 'quick' });
}

export async function isRunning(state: string): Promise<boolean> {
  const parsed = parseJson(Running, (await readTextIfExists(runningFile(state))) ?? '');
  return parsed.ok && isSame(parsed.value);
}

export async function forgetRunning(state: string): Promise<void> {
  await rm(runningFile(state), { force: true });
}

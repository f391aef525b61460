// Remembers which process is the guest of a sandbox, so that any process can ask whether it runs and end it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import { readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { isSame, type ProcessIdentity, signalProcess } from '../../platform/process.ts';
import { parseJson } from '../../protocol/parse.ts';

const Running = z.strictObject({
  /** The first process of the guest's pid namespace: when it ends, the kernel ends all others. Absent until it answers. */
  init: z.optional(z.strictObject({ pid: z.int(), start_ticks: z.string(), boot_id: z.string() })),
  cgroups: z.array(z.string()),
  socket: z.string(),
});
export type Running = z.output<typeof Running>;

/** Not durable: what it names does not survive a loss of power either. */
export async function writeRunning(state: string, running: Running): Promise<void> {
  await writeAtomic(fileOf(state), `${JSON.stringify(running)}\n`, { durability: 'quick' });
}

/** Undefined when nothing was started, or when the file is broken, which leaves nothing to look for. */
export async function readRunning(state: string): Promise<Running | undefined> {
  const text = await readTextIfExists(fileOf(state));
  if (text === undefined) return undefined;
  const parsed = parseJson(Running, text);
  return parsed.ok ? parsed.value : undefined;
}

export async function forgetRunning(state: string): Promise<void> {
  rmSync(fileOf(state), { force: true });
}

/** Kills the guest; true when it is gone. */
export async function killAndWait(process: ProcessIdentity): Promise<boolean> {
  signalProcess(process, 'SIGKILL');
  return hasEnded(process);
}

/** The kernel takes a moment to end everything in a pid namespace; there is nothing that could be waited on. */
export async function hasEnded(process: ProcessIdentity): Promise<boolean> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    if (!isSame(process)) return true;
    await delay(5);
  }
  return false;
}

function fileOf(state: string): string {
  return join(state, 'running.json');
}

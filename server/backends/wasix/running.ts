// Remembers which process is the guest of a sandbox, so that any process can ask whether it runs and end it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import { readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { isSame, type ProcessIdentity, signalProcess } from '../../platform/process.ts';
import { parseJson } from '../../protocol/parse.ts';

const Running = z.strictObject({ pid: z.int(), start_ticks: z.string(), boot_id: z.string() });

/** Not durable: what it names does not survive a loss of power either. */
export async function writeRunning(state: string, running: ProcessIdentity): Promise<void> {
  await writeAtomic(fileOf(state), `${JSON.stringify(running)}\n`, { durability: 'quick' });
}

/** Undefined when nothing was started, or when the file is broken, which leaves nothing to look for. */
export async function readRunning(state: string): Promise<ProcessIdentity | undefined> {
  const text = await readTextIfExists(fileOf(state));
  const parsed = text === undefined ? undefined : parseJson(Running, text);
  return parsed?.ok === true ? parsed.value : undefined;
}

export async function forgetRunning(state: string): Promise<void> {
  rmSync(fileOf(state), { force: true });
}

/** True when it is gone. */
export async function killAndWait(running: ProcessIdentity): Promise<boolean> {
  signalProcess(running, 'SIGKILL');
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    if (!isSame(running)) return true;
    await delay(5);
  }
  return false;
}

function fileOf(state: string): string {
  return join(state, 'running.json');
}

// Remembers for a short while which backends were ready, because finding out takes longer than starting a guest.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { backends } from '../backends/registry.ts';
import { toSandboxError } from '../core/errors.ts';
import { readTextIfExists, writeAtomic } from '../platform/files.ts';
import { identifySelf } from '../platform/process.ts';
import { Availability } from '../protocol/backend.ts';
import { parseJson } from '../protocol/parse.ts';
import type { BaseDeps } from './deps.ts';

/**
 * Drivers look again at what they need when they start a guest, so an answer that is no longer true ends in a refusal,
 * never in a guest with less isolation than was promised. What is missing is looked for anew every time.
 */
const KEEP_MS = 10 * 60_000;

const Remembered = z.object({
  /** For whom and in which surroundings it was true. */
  surroundings: z.string(),
  at: z.number(),
  ready: z.record(z.string(), Availability),
});
type Remembered = z.output<typeof Remembered>;

export async function rememberedProbe(
  deps: BaseDeps,
  id: string,
  probe: () => Promise<Availability>,
): Promise<Availability> {
  const known = await read(deps);
  const ready = known?.ready[id];
  if (ready !== undefined) return ready;
  const found = await probe();
  if (found.kind === 'ready') await write(deps, { ...known?.ready, [id]: found });
  return found;
}

/** True when there was something that may have been wrong. */
export async function forgetProbes(deps: BaseDeps): Promise<boolean> {
  if ((await read(deps)) === undefined) return false;
  await rm(fileOf(deps), { force: true });
  return true;
}

async function read(deps: BaseDeps): Promise<Remembered | undefined> {
  const text = await readTextIfExists(fileOf(deps));
  const parsed = text === undefined ? undefined : parseJson(Remembered, text);
  if (parsed?.ok !== true || parsed.value.surroundings !== surroundingsOf(deps)) return undefined;
  const age = deps.now() - parsed.value.at;
  return age >= 0 && age < KEEP_MS ? parsed.value : undefined;
}

async function write(deps: BaseDeps, ready: Remembered['ready']): Promise<void> {
  // What is refused leaves nothing behind, not even the first folder of a store.
  if (!existsSync(deps.paths.cache)) return;
  const remembered: Remembered = { surroundings: surroundingsOf(deps), at: deps.now(), ready };
  try {
    await writeAtomic(fileOf(deps), `${JSON.stringify(remembered)}\n`, { durability: 'quick' });
  } catch (error) {
    // Where it cannot be kept, the next command asks again.
    if (toSandboxError(error).code === 'internal') throw error;
  }
}

function surroundingsOf({ bundle, env }: BaseDeps): string {
  const names = ['PATH', ...new Set(backends.flatMap(({ manifest }) => manifest.environment ?? []))];
  const values = names.map(name => env[name] ?? '');
  return [bundle.folder, bundle.build, identifySelf().boot_id, process.getuid?.(), ...values].join('\n');
}

function fileOf({ paths }: BaseDeps): string {
  return join(paths.cache, 'probes.json');
}

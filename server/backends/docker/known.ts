// Remembers what an engine is like, because its description costs as much as making a container.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { formatAddress } from '../../engine/address.ts';
import type { Engine } from '../../engine/engine.ts';
import { ensureFolder, readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { parseJson } from '../../protocol/parse.ts';
import { Info } from './answers.ts';

/** As long as the service believes a probe; whoever relies on a limit asks anew. */
const KEEP_MS = 10 * 60_000;

const Known = z.object({ at: z.number(), info: Info });

export async function infoOf(engine: Engine, cache: string): Promise<Info> {
  const text = await readTextIfExists(fileOf(engine, cache));
  const known = text === undefined ? undefined : parseJson(Known, text);
  const age = known?.ok === true ? Date.now() - known.value.at : -1;
  if (known?.ok === true && age >= 0 && age < KEEP_MS) return known.value.info;
  return freshInfo(engine, cache);
}

export async function freshInfo(engine: Engine, cache: string): Promise<Info> {
  const info = await engine.read('describe itself', Info, docker => docker.info());
  await ensureFolder(cache);
  const text = JSON.stringify({ at: Date.now(), info });
  await writeAtomic(fileOf(engine, cache), `${text}\n`, { durability: 'quick' });
  return info;
}

function fileOf({ address }: Engine, cache: string): string {
  const mark = createHash('sha256').update(formatAddress(address)).digest('hex').slice(0, 16);
  return join(cache, `engine-${mark}.json`);
}

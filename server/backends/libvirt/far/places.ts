// What lies on other hosts because of this store, remembered here, so that what nobody needs any more is found again.
//
// A folder for each storage pool of another host, and in it a file for each sandbox there: when the folder of the sandbox is
// gone, so is its claim.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { DriverContext } from '../../../core/backend.ts';
import { ensureFolder, isAbsence, readTextIfExists, writeAtomic } from '../../../platform/files.ts';
import { parseJson } from '../../../protocol/parse.ts';
import { withLock } from '../../../store/lock.ts';

const Place = z.object({ uri: z.string(), pool: z.string() });
export type Place = z.output<typeof Place>;

const Claim = z.object({
  state: z.string(),
  /** Volumes that the sandbox's own build on. */
  volumes: z.array(z.string()),
});
export type Claim = z.output<typeof Claim>;

type Cache = Pick<DriverContext, 'cache'>;

/** In addition to what the sandbox claimed before: its disk stays on what it was made over. */
export async function claim({ cache }: Cache, place: Place, name: string, what: Claim): Promise<void> {
  const folder = folderOf(cache, place);
  for (const path of [cache, join(cache, FAR)]) await ensureFolder(path);
  await withLock(locksOf({ cache }), keyOf(place), { wait: 'wait' }, async () => {
    await ensureFolder(folder);
    await writeAtomic(join(folder, PLACE), JSON.stringify(place), { durability: 'quick' });
    const before = (await parsedFrom(Claim, join(folder, name)))?.volumes ?? [];
    const all: Claim = { ...what, volumes: [...new Set([...before, ...what.volumes])] };
    await writeAtomic(join(folder, name), JSON.stringify(all), { durability: 'quick' });
  });
}

export async function unclaim({ cache }: Cache, place: Place, name: string): Promise<void> {
  await rm(join(folderOf(cache, place), name), { force: true });
}

export async function knownPlaces({ cache }: Cache): Promise<readonly Place[]> {
  const names = await namesIn(join(cache, FAR));
  const read = names.map(async name => parsedFrom(Place, join(cache, FAR, name, PLACE)));
  return (await Promise.all(read)).filter(place => place !== undefined);
}

/** By the names of machines; only of sandboxes that are there. */
export async function claimsOf({ cache }: Cache, place: Place): Promise<ReadonlyMap<string, Claim>> {
  const folder = folderOf(cache, place);
  const claims = new Map<string, Claim>();
  for (const name of await namesIn(folder)) {
    const found = name === PLACE ? undefined : await parsedFrom(Claim, join(folder, name));
    if (found !== undefined && existsSync(found.state)) claims.set(name, found);
  }
  return claims;
}

/** When nothing of this store lies there any more; a claim that came meanwhile keeps it. */
export async function forgetPlace({ cache }: Cache, place: Place): Promise<void> {
  await withLock(locksOf({ cache }), keyOf(place), { wait: 'wait' }, async () => {
    if ((await claimsOf({ cache }, place)).size > 0) return;
    await rm(folderOf(cache, place), { recursive: true, force: true });
  });
}

export function locksOf({ cache }: Cache): { readonly locks: string } {
  return { locks: join(cache, 'far-locks') };
}

/** A lock's name for one volume of a place. */
export function lockName(place: Place, volume: string): string {
  return `${keyOf(place)}-${volume}`;
}

const FAR = 'far';
const PLACE = 'place.json';

function folderOf(cache: string, place: Place): string {
  return join(cache, FAR, keyOf(place));
}

function keyOf({ uri, pool }: Place): string {
  return createHash('sha256').update(`${uri} ${pool}`).digest('hex').slice(0, 16);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter(name => !name.endsWith('.new'));
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

async function parsedFrom<T>(schema: z.ZodMiniType<T>, file: string): Promise<T | undefined> {
  const parsed = parseJson(schema, (await readTextIfExists(file)) ?? '');
  return parsed.ok ? parsed.value : undefined;
}

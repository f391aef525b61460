// The templates on disk: found by what they are for, checked before use, kept within bounds, removed when nobody needs them.
//
// A template is a folder `<key>.<random>` that appears whole. While it has a manifest it can be started from; its disk
// stays as long as a sandbox builds on it, which that sandbox says with a file of its name in `users`.
import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Residue } from '../../../core/backend.ts';
import { isAbsence, namesIn, readTextIfExists, writeAtomic } from '../../../platform/files.ts';
import { identifySelf } from '../../../platform/process.ts';
import { randomHex } from '../../../platform/random.ts';
import { parseJson } from '../../../protocol/parse.ts';
import { differenceOf, Fingerprint, fingerprintOf } from './fingerprint.ts';

export type Template = { readonly name: string; readonly folder: string; readonly files: TemplateFiles };
export type TemplateFiles = { readonly moment: string; readonly memory: string; readonly disk: string };

const Manifest = z.strictObject({
  version: z.literal(1),
  /** What has not reached the disk for sure is only good until the machine starts anew. */
  durable: z.union([z.literal('yes'), z.strictObject({ boot_id: z.string() })]),
  moment: Fingerprint,
  memory: Fingerprint,
  disk: Fingerprint,
});
type Manifest = z.output<typeof Manifest>;

export function shelfIn(cache: string): string {
  return join(cache, 'templates');
}

export function locksIn(shelf: string): string {
  return join(shelf, '.locks');
}

/** Why one could not be made lately. */
export function failureIn(shelf: string, key: string): string {
  return join(shelf, `.failed-${key}`);
}

/** Where a template is made, always the same for one key, so that the next maker finds what an earlier one left. */
export function makingFolder(shelf: string, key: string): string {
  return join(shelf, `.making-${key}`);
}

export function templateAt(shelf: string, name: string): Template {
  const folder = join(shelf, name);
  return { name, folder, files: filesIn(folder) };
}

export function filesIn(folder: string): TemplateFiles {
  return {
    moment: join(folder, 'moment'),
    memory: join(folder, 'memory'),
    disk: join(folder, 'disk.qcow2'),
  };
}

/** A damaged one is put out of use, and told about. */
export async function findTemplate(
  shelf: string,
  key: string,
  log: (line: string) => void,
): Promise<Template | undefined> {
  for (const name of await namesIn(shelf)) {
    if (!name.startsWith(`${key}.`)) continue;
    const folder = join(shelf, name);
    const damage = await damageOf(folder);
    if (damage === undefined) {
      const now = new Date();
      await utimes(manifestIn(folder), now, now).catch(ignoreAbsence);
      return templateAt(shelf, name);
    }
    if (damage === 'retired') continue;
    log(`a prepared machine cannot be used and is removed: ${damage}`);
    await retire(folder);
  }
  return undefined;
}

/** The folder becomes a template in one step. */
export async function publish(shelf: string, key: string, made: string): Promise<Template> {
  const { moment, memory, disk } = filesIn(made);
  const manifest: Manifest = {
    version: 1,
    durable: { boot_id: identifySelf().boot_id },
    moment: await fingerprintOf(moment),
    memory: await fingerprintOf(memory),
    disk: await fingerprintOf(disk),
  };
  await writeAtomic(manifestIn(made), `${JSON.stringify(manifest)}\n`, { durability: 'quick' });
  await mkdir(join(made, USERS), { mode: 0o700 });
  const template = templateAt(shelf, `${key}.${randomHex(4)}`);
  await rename(made, template.folder);
  return template;
}

/** For a template whose files have reached the disk. */
export async function declareDurable({ folder }: Template): Promise<void> {
  const manifest = await readManifest(folder);
  if (typeof manifest === 'string') return;
  await writeAtomic(manifestIn(folder), `${JSON.stringify({ ...manifest, durable: 'yes' })}\n`);
}

/** False when it was put out of use meanwhile; its disk stays for this sandbox until it is forgotten. */
export async function addUser({ folder }: Template, id: string): Promise<boolean> {
  try {
    await writeFile(join(folder, USERS, id), '', { mode: 0o600 });
    await stat(manifestIn(folder));
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** The template that a sandbox builds on. */
export async function templateOf(shelf: string, id: string): Promise<Template | undefined> {
  for (const name of await namesIn(shelf)) {
    if ((await usersOf(join(shelf, name))).includes(id)) return templateAt(shelf, name);
  }
  return undefined;
}

/** Its disk is gone, and what it built on may go as well. */
export async function dropUser(shelf: string, id: string): Promise<void> {
  const template = await templateOf(shelf, id);
  if (template === undefined) return;
  await rm(join(template.folder, USERS, id), { force: true });
  if (typeof (await readManifest(template.folder)) === 'string') await retireUnused(template.folder);
}

/** Nothing is started from it any more; what the running machines have of its memory stays theirs. */
export async function retire(folder: string): Promise<void> {
  await rm(manifestIn(folder), { force: true });
  if ((await usersOf(folder)).length === 0) await rm(folder, { recursive: true, force: true });
}

/** Those that lost all their users or their manifest go; `idle` are complete ones that nobody builds on right now. */
export async function clearShelf(
  shelf: string,
  living: ReadonlySet<string>,
  idle: 'keep' | 'remove',
): Promise<readonly Residue[]> {
  const removed: Residue[] = [];
  for (const name of await namesIn(shelf)) {
    if (name.startsWith('.')) continue;
    const folder = join(shelf, name);
    for (const user of await usersOf(folder)) {
      if (!living.has(user)) await rm(join(folder, USERS, user), { force: true });
    }
    const retired = typeof (await readManifest(folder)) === 'string';
    const bytes = await bytesIn(folder);
    if ((retired || idle === 'remove') && (await retireUnused(folder)))
      removed.push({ what: 'a prepared machine that no sandbox builds on', path: folder, bytes });
  }
  return removed;
}

/** The least recently used go first, those that a sandbox builds on never, and never the one to keep. */
export async function trimShelf(shelf: string, bytes: number, keep: Template): Promise<void> {
  const found: { folder: string; used: number; bytes: number }[] = [];
  for (const name of await namesIn(shelf)) {
    const folder = join(shelf, name);
    if (!name.startsWith('.'))
      found.push({ folder, used: await usedAt(folder), bytes: await bytesIn(folder) });
  }
  let total = found.reduce((sum, each) => sum + each.bytes, 0);
  for (const each of found.sort((left, right) => left.used - right.used)) {
    if (total <= bytes) return;
    if (each.folder === keep.folder || !(await retireUnused(each.folder))) continue;
    total -= each.bytes;
  }
}

/** What its files take on the disk, which is less than their length where they have holes. */
async function bytesIn(folder: string): Promise<number> {
  let blocks = 0;
  for (const file of Object.values(filesIn(folder))) {
    const found = await stat(file).catch(ignoreAbsence);
    blocks += found?.blocks ?? 0;
  }
  return blocks * 512;
}

const USERS = 'users';

function manifestIn(folder: string): string {
  return join(folder, 'manifest.json');
}

async function retireUnused(folder: string): Promise<boolean> {
  if ((await usersOf(folder)).length > 0) return false;
  await retire(folder);
  return true;
}

async function damageOf(folder: string): Promise<string | undefined> {
  const manifest = await readManifest(folder);
  if (typeof manifest === 'string') return manifest;
  const { durable } = manifest;
  if (durable !== 'yes' && durable.boot_id !== identifySelf().boot_id) {
    return 'this machine was started anew before it was written out';
  }
  const files = filesIn(folder);
  for (const part of ['moment', 'memory', 'disk'] as const) {
    try {
      const difference = await differenceOf(files[part], manifest[part]);
      if (difference !== undefined) return `its ${part} is damaged: ${difference}`;
    } catch (error) {
      if (!isAbsence(error)) throw error;
      return `its ${part} is gone`;
    }
  }
  return undefined;
}

/** A word instead of a manifest says why there is none. */
async function readManifest(folder: string): Promise<Manifest | string> {
  const text = await readTextIfExists(manifestIn(folder));
  if (text === undefined) return 'retired';
  const parsed = parseJson(Manifest, text);
  return parsed.ok ? parsed.value : `its manifest is not understood: ${parsed.problem}`;
}

async function usedAt(folder: string): Promise<number> {
  return (await stat(manifestIn(folder)).catch(ignoreAbsence))?.mtimeMs ?? 0;
}

async function usersOf(folder: string): Promise<readonly string[]> {
  return namesIn(join(folder, USERS));
}

function ignoreAbsence(error: unknown): undefined {
  if (!isAbsence(error)) throw error;
  return undefined;
}

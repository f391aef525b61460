// Which machines use an emulator in the folder that all stores of a person share, so that one that nobody uses can go.
//
// A machine says so with a file of its name that holds the folder of its sandbox; when that folder is gone, so is its use.
import { existsSync } from 'node:fs';
import { lstat, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Residue } from '../../core/backend.ts';
import { isAbsence, readTextIfExists } from '../../platform/files.ts';
import { randomHex } from '../../platform/random.ts';
import { isOurs } from './ours.ts';

export type EmulatorUser = {
  /** Of its domain, which no two machines share. */
  readonly name: string;
  readonly state: string;
};

export const USERS = 'users';

/** Somebody who only asks libvirt about it, as long as the process lives. */
export function asker(): EmulatorUser {
  return { name: `asking-${process.pid}-${randomHex(4)}`, state: `/proc/${process.pid}` };
}

export async function dropUser(emulator: string, { name }: EmulatorUser): Promise<void> {
  await rm(join(dirname(emulator), USERS, name), { force: true });
}

export function openFolder(): string {
  return `/var/tmp/heyvm-${process.getuid?.() ?? 0}`;
}

/** False when the emulator was cleared away meanwhile. */
export async function addUser(emulator: string, { name, state }: EmulatorUser): Promise<boolean> {
  try {
    await writeFile(join(dirname(emulator), USERS, name), state, { mode: 0o600 });
    await stat(emulator);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** Also what makers left that were killed; a running machine has its emulator open and needs it no more. */
export async function clearEmulators(): Promise<readonly Residue[]> {
  const parent = openFolder();
  const removed: Residue[] = [];
  if (!(await isOurs(parent))) return removed;
  for (const name of await readdir(parent)) {
    const folder = join(parent, name);
    if ((await isNeeded(folder)) || !(await clearOne(folder))) continue;
    removed.push({ what: 'an emulator that no machine uses', path: folder });
  }
  // Another store may have put one there again.
  await rmdir(parent).catch(() => undefined);
  return removed;
}

/** What somebody is making has no users yet. */
const YOUNG_MS = 60 * 60 * 1000;

async function isNeeded(folder: string): Promise<boolean> {
  if ((await usersOf(folder)).length > 0) return true;
  if (!folder.endsWith('.new')) return false;
  try {
    return Date.now() - (await lstat(folder)).mtimeMs < YOUNG_MS;
  } catch (error) {
    // It was being made, and is done.
    if (isAbsence(error)) return true;
    throw error;
  }
}

/** Out of reach first, so that nobody begins to use it while its files go one after the other. */
async function clearOne(folder: string): Promise<boolean> {
  const away = `${folder}.${randomHex(4)}.old`;
  try {
    await rename(folder, away);
  } catch (error) {
    // Somebody else clears up as well.
    if (isAbsence(error)) return false;
    throw error;
  }
  if ((await usersOf(away)).length > 0) {
    await rename(away, folder).catch(() => undefined);
    return false;
  }
  await rm(away, { recursive: true, force: true });
  return true;
}

async function usersOf(folder: string): Promise<readonly string[]> {
  try {
    const users = await readdir(join(folder, USERS));
    const states = await Promise.all(users.map(name => readTextIfExists(join(folder, USERS, name))));
    return states.filter(state => state !== undefined).filter(state => existsSync(state));
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

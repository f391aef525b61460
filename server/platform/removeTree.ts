// Deletes a folder that a guest could write to: no link is followed, and neither permissions nor depth stop it.
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { chmod, lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCodeOf, isAbsence } from './files.ts';
import { randomHex } from './random.ts';

/** Folders beyond this are moved up, because the system takes no path of more than 4096 bytes. */
const LONGEST_PATH = 3000;

/** A tree with no more entries is removed at once: a way through the thread pool for each would take much longer. */
const FEW = 100;

/** The same obstacle twice in a row, and without anything done about it, is the end. */
export async function removeTree(path: string): Promise<void> {
  if (removedAtOnce(path)) return;
  for (;;) {
    try {
      return await rm(path, { recursive: true, force: true, maxRetries: 2 });
    } catch (error) {
      if (!(await clearAway(path, errorCodeOf(error)))) throw error;
    }
  }
}

/** False where there is much, or something in the way. */
function removedAtOnce(path: string): boolean {
  try {
    if (!isSmall(path)) return false;
    rmSync(path, { recursive: true, force: true });
    // Where somebody else removes the same, it may stop half-way and say nothing.
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function isSmall(top: string): boolean {
  if (lstatSync(top, { throwIfNoEntry: false })?.isDirectory() !== true) return true;
  const waiting = [top];
  let count = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const entries = readdirSync(path, { withFileTypes: true });
    count += entries.length;
    if (count > FEW) return false;
    for (const entry of entries) if (entry.isDirectory()) waiting.push(join(path, entry.name));
  }
  return true;
}

const obstacles: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'ENAMETOOLONG']);

/** Opens folders that nobody may enter, and moves up what lies too deep. False when there was nothing to do. */
async function clearAway(top: string, obstacle: string | undefined): Promise<boolean> {
  if (!obstacles.has(obstacle)) return false;
  let changes = 0;
  const open = async (folder: string, mode: number): Promise<void> => {
    // Caches such as Go's make their folders read-only, which keeps their owner from emptying them.
    if ((mode & 0o700) === 0o700) return;
    await chmod(folder, (mode & 0o7777) | 0o700);
    changes += 1;
  };
  await walk(top, async (folder, mode) => {
    await open(folder, mode);
    if (Buffer.byteLength(folder) < LONGEST_PATH) return 'down';
    await rename(folder, join(top, `deep-${randomHex(8)}`));
    changes += 1;
    return 'past';
  });
  return changes > 0;
}

type Visit = (folder: string, mode: number) => Promise<'down' | 'past'>;

/** Without recursion, for a guest decides how deep it goes. */
async function walk(top: string, visit: Visit): Promise<void> {
  const waiting = [top];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    try {
      const state = await lstat(path);
      if (!state.isDirectory() || (await visit(path, state.mode)) === 'past') continue;
      for (const entry of await readdir(path, { withFileTypes: true })) {
        if (entry.isDirectory()) waiting.push(join(path, entry.name));
      }
    } catch (error) {
      if (!isAbsence(error) && errorCodeOf(error) !== 'ENAMETOOLONG') throw error;
    }
  }
}

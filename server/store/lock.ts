// Ticket locks made of files: one holder at a time across processes, and a dead holder never blocks.
//
// A lock is a folder. Whoever links the file `<n>` with the highest number holds it; `<n>.released` beside it says
// that the holder is done, and a holder whose process is gone counts as done. Numbers only grow: link(2) lets one
// contender win each, and the winner looks again, because somebody may have gone past the number in between. They begin
// anew with a new folder, so that all of one attempt happens in one and the same (lockFolder.ts).
import {
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import { errorCodeOf, isAbsence, makeFolder } from '../platform/files.ts';
import { identify, identifySelf, isSame, type ProcessIdentity } from '../platform/process.ts';
import { randomHex } from '../platform/random.ts';
import { parseJson } from '../protocol/parse.ts';
import { type LockFolder, openLockFolder } from './lockFolder.ts';

export type LockOptions = {
  readonly signal?: AbortSignal | undefined;
  /** `fail` throws `busy` at once when somebody else holds the lock. */
  readonly wait: 'wait' | 'fail';
};

export type Lock = { release(): void };

const FIRST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 50;

export async function withLock<T>(
  paths: { readonly locks: string },
  name: string,
  options: LockOptions,
  fn: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock(paths, name, options);
  try {
    return await fn();
  } finally {
    lock.release();
  }
}

/** For a lock that is held as long as the process lives, whose end releases it in any case. */
export async function acquireLock(
  paths: { readonly locks: string },
  name: string,
  options: LockOptions,
): Promise<Lock> {
  const folder = join(paths.locks, name);
  let pause = FIRST_WAIT_MS;
  for (;;) {
    options.signal?.throwIfAborted();
    const attempt = tryAcquire(folder);
    if (attempt.kind === 'acquired') return attempt.lock;
    if (attempt.kind === 'held') {
      if (options.wait === 'fail') {
        fail('busy', `another heyvm command is working on ${describe(name)}`, {
          hint: `wait for it to end and try again (process ${attempt.holder.pid})`,
          data: { pid: attempt.holder.pid },
        });
      }
      // A killed holder sends no event, so waiting means looking again; with some chance, lest contenders march in step.
      await wait(
        pause * (0.5 + Math.random()),
        undefined,
        options.signal === undefined ? {} : { signal: options.signal },
      );
      pause = Math.min(pause * 2, LONGEST_WAIT_MS);
    }
  }
}

/** Who holds the lock right now; reading changes nothing. */
export function lockHolder(paths: { readonly locks: string }, name: string): ProcessIdentity | undefined {
  const folder = join(paths.locks, name);
  const tickets = readTickets(folder);
  if (tickets.highest === 0 || tickets.released.has(tickets.highest)) return undefined;
  return livingHolder(join(folder, String(tickets.highest)));
}

/**
 * Takes away a lock whose subject is gone. Its holder calls this, before it releases: the folder leaves in one step
 * with the ticket in it, so that whoever comes meanwhile finds either the ticket or no lock at all.
 */
export function removeLock(
  { locks, trash }: { readonly locks: string; readonly trash: string },
  name: string,
): void {
  const place = join(trash, `lock-${name}-${randomHex(4)}`);
  makeFolder(trash);
  try {
    renameSync(join(locks, name), place);
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
  try {
    rmSync(place, { recursive: true, force: true });
  } catch {
    // Whoever had found it before was just trying to take it; what is in the trash goes later.
  }
}

const Holder = z.object({ pid: z.int(), start_ticks: z.string(), boot_id: z.string() });

type Attempt =
  | { kind: 'acquired'; lock: Lock }
  | { kind: 'held'; holder: ProcessIdentity }
  | { kind: 'again' };

function tryAcquire(name: string): Attempt {
  const folder = openLockFolder(name);
  if (folder === undefined) return { kind: 'again' };
  let attempt: Attempt | undefined;
  try {
    attempt = tryIn(folder);
    return attempt;
  } finally {
    if (attempt?.kind !== 'acquired') folder.close();
  }
}

function tryIn(place: LockFolder): Attempt {
  const folder = place.path;
  const before = readTickets(folder);
  if (before.highest > 0 && !before.released.has(before.highest)) {
    const holder = livingHolder(join(folder, String(before.highest)));
    if (holder !== undefined) return { kind: 'held', holder };
  }
  const number = before.highest + 1;
  if (!takeTicket(place, number)) return { kind: 'again' };
  const after = readTickets(folder);
  if (after.highest !== number || !place.isCurrent()) {
    removeQuietly(join(folder, String(number)));
    return { kind: 'again' };
  }
  for (const file of after.files) {
    if (numberOf(file) < number - 1 || isDeadDraft(file)) removeQuietly(join(folder, file));
  }
  return { kind: 'acquired', lock: lockOf(place, number) };
}

function lockOf(folder: LockFolder, number: number): Lock {
  let isReleased = false;
  return {
    release: () => {
      if (isReleased) return;
      isReleased = true;
      release(folder.path, number);
      folder.close();
    },
  };
}

/** The ticket appears with its whole content or not at all. */
function takeTicket({ path: folder, name }: LockFolder, number: number): boolean {
  const self = identifySelf();
  const draft = join(folder, `draft-${self.pid}-${randomHex(4)}`);
  try {
    writeFileSync(draft, JSON.stringify(self), { mode: 0o600, flag: 'wx' });
    linkSync(draft, join(folder, String(number)));
    return true;
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST' || isAbsence(error)) return false;
    throw error instanceof Error ? Object.assign(error, { path: name }) : error;
  } finally {
    removeQuietly(draft);
  }
}

function isDeadDraft(file: string): boolean {
  const pid = /^draft-([0-9]+)-/.exec(file)?.[1];
  return pid !== undefined && identify(Number(pid)) === undefined;
}

function release(folder: string, number: number): void {
  try {
    linkSync(join(folder, String(number)), join(folder, `${number}.released`));
  } catch (error) {
    // Gone with its folder, or released before.
    if (isAbsence(error) || errorCodeOf(error) === 'EEXIST') return;
    blank(join(folder, String(number)));
  }
}

/**
 * On a full disk there is no room for another name. The ticket must not go instead: numbers would sink, and two
 * contenders who saw different highest ones could both win. A ticket without content has no living holder.
 */
function blank(ticket: string): void {
  try {
    truncateSync(ticket);
  } catch {
    // On a disk that takes nothing at all the lock is released by the end of this process.
  }
}

type Tickets = { highest: number; released: Set<number>; files: readonly string[] };

function readTickets(folder: string): Tickets {
  const tickets: Tickets = { highest: 0, released: new Set(), files: readFolder(folder) };
  for (const file of tickets.files) {
    const number = numberOf(file);
    if (Number.isNaN(number)) continue;
    if (number > tickets.highest) tickets.highest = number;
    if (file.endsWith('.released')) tickets.released.add(number);
  }
  return tickets;
}

function readFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function numberOf(file: string): number {
  return /^[0-9]+(\.released)?$/.test(file) ? Number.parseInt(file, 10) : Number.NaN;
}

/** A ticket that cannot be read was cut short by a loss of power, so its holder is gone as well. */
function livingHolder(ticket: string): ProcessIdentity | undefined {
  let text: string;
  try {
    text = readFileSync(ticket, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  const holder = parseJson(Holder, text);
  return holder.ok && isSame(holder.value) ? holder.value : undefined;
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Rubbish of lower numbers may be removed by anybody, or stay.
  }
}

function describe(name: string): string {
  return name.startsWith('sandbox-') ? `sandbox ${name.slice('sandbox-'.length)}` : name;
}

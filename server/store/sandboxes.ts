// The sandboxes on disk: fast reading without locks, atomic writing, and broken files that stop nobody.
// The promises are loaded with their first use, which commands that only read never come to.
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { type Durability, ensureFolder, isAbsence, writeAtomic } from '../platform/files.ts';
import { isSame } from '../platform/process.ts';
import { randomHex } from '../platform/random.ts';
import { removeTree } from '../platform/removeTree.ts';
import type { Problem } from '../protocol/doctor.ts';
import { touchChanged } from './changed.ts';
import { withLock } from './lock.ts';
import { type Paths, sandboxPaths } from './paths.ts';
import { readOwnerFile, readRecordFile } from './read.ts';
import type { OwnerRecord, SandboxRecord } from './records.ts';

export type Entry = {
  readonly record: SandboxRecord;
  /** Present exactly when its process is alive. */
  readonly owner?: OwnerRecord | undefined;
  /** There is an owner.json whose process is gone. */
  readonly stale: boolean;
};

export type Listing = { readonly entries: readonly Entry[]; readonly problems: readonly Problem[] };

const idPattern = /^sb-[0-9a-f]{8}$/;

/** All sandboxes, oldest first; what cannot be read is a problem and not an error. */
export async function listRecords(paths: Paths): Promise<Listing> {
  const entries: Entry[] = [];
  const problems: Problem[] = [];
  for (const id of readIds(paths)) {
    const read = readRecordFile(paths, id);
    const found = read instanceof Promise ? await read : read;
    if (found.kind === 'problem') problems.push(found.problem);
    if (found.kind !== 'record') continue;
    const entry = withOwner(paths, found.record, problems);
    const sure = entry.stale ? await confirmed(paths, entry, problems) : entry;
    if (sure !== undefined) entries.push(sure);
  }
  entries.sort((left, right) => (left.record.created_at < right.record.created_at ? -1 : 1));
  return { entries, problems };
}

/** Undefined when there is no such sandbox; a record that cannot be read throws. */
export async function readEntry(paths: Paths, id: string): Promise<Entry | undefined> {
  const found = await readRecordFile(paths, id);
  if (found.kind === 'problem') fail(found.code, found.problem.message, { hint: found.problem.hint });
  if (found.kind !== 'record') return undefined;
  const entry = withOwner(paths, found.record, []);
  return entry.stale ? confirmed(paths, entry, []) : entry;
}

/** By id or by name; one that does not exist is `sandbox-not-found` with what was probably meant. */
export async function findEntry(paths: Paths, idOrName: string): Promise<Entry> {
  const direct = idPattern.test(idOrName) ? await readEntry(paths, idOrName) : undefined;
  if (direct !== undefined) return direct;
  const { entries, problems } = await listRecords(paths);
  const found = entries.find(entry => entry.record.name === idOrName);
  if (found !== undefined) return found;
  const [meant] = nearest(
    idOrName,
    entries.flatMap(({ record }) => [record.name, record.id]),
  );
  const [unreadable] = problems;
  const hint =
    meant !== undefined
      ? `did you mean ${meant}?`
      : unreadable !== undefined
        ? `the record of another sandbox cannot be read: ${unreadable.path}`
        : 'heyvm list shows the sandboxes that exist';
  return fail('sandbox-not-found', `no sandbox has the id or name ${JSON.stringify(idOrName)}`, { hint });
}

/** The sandbox's folder appears with its record or not at all. */
export async function addRecord(paths: Paths, record: SandboxRecord): Promise<void> {
  await ensureFolder(paths.home);
  await ensureFolder(paths.sandboxes);
  await ensureFolder(paths.trash);
  const draft = join(paths.trash, `${record.id}-new-${process.pid}`);
  const { workspace } = sandboxPaths(paths, record.id);
  try {
    await ensureFolder(draft);
    if (record.workspace.path === workspace) mkdirSync(join(draft, basename(workspace)), { mode: 0o755 });
    await writeAtomic(join(draft, 'sandbox.yaml'), render(record), { durability: durabilityOf(record) });
    renameSync(draft, sandboxPaths(paths, record.id).folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
  touchChanged(paths);
}

export async function writeRecord(paths: Paths, record: SandboxRecord): Promise<void> {
  await writeAtomic(sandboxPaths(paths, record.id).record, render(record), {
    durability: durabilityOf(record),
  });
  touchChanged(paths);
}

/** Reads, changes and writes, so that an owner and a command never undo each other's change; the same back is no change. */
export async function updateRecord(
  paths: Paths,
  id: string,
  change: (record: SandboxRecord) => SandboxRecord,
): Promise<SandboxRecord | undefined> {
  return withLock(paths, `record-${id}`, { wait: 'wait' }, async () => {
    const found = await readRecordFile(paths, id);
    if (found.kind !== 'record') return undefined;
    const next = change(found.record);
    if (next !== found.record) await writeRecord(paths, next);
    return next;
  });
}

/** What belongs to one sandbox beside its folder. */
export function lockNamesOf(id: string): readonly string[] {
  return [`sandbox-${id}`, `owner-${id}`, `record-${id}`];
}

/** Gone for every reader at once; what takes long happens after that, and what nobody would find without it before. */
export async function removeFolder(paths: Paths, id: string): Promise<void> {
  const { folder, runtime } = sandboxPaths(paths, id);
  await ensureFolder(paths.trash);
  const trash = join(paths.trash, `${id}-${randomHex(4)}`);
  rmSync(runtime, { recursive: true, force: true });
  try {
    renameSync(folder, trash);
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
  touchChanged(paths);
  await removeTree(trash);
}

/** The ids of all folders, readable or not. */
export function readIds(paths: Pick<Paths, 'sandboxes'>): string[] {
  try {
    return readdirSync(paths.sandboxes).filter(name => idPattern.test(name));
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function withOwner(paths: Paths, record: SandboxRecord, problems: Problem[]): Entry {
  const found = readOwnerFile(paths, record);
  if (found.kind === 'problem') problems.push(found.problem);
  if (found.owner === undefined) return { record, stale: false };
  return isSame(found.owner) ? { record, owner: found.owner, stale: false } : { record, stale: true };
}

/**
 * An owner that ends in order takes its file away and is gone a moment later: what was read just before that looks as if
 * it had been killed.
 */
async function confirmed(paths: Paths, entry: Entry, problems: Problem[]): Promise<Entry | undefined> {
  const { owner } = readOwnerFile(paths, entry.record);
  if (owner !== undefined && !isSame(owner)) return entry;
  const again = await readRecordFile(paths, entry.record.id);
  return again.kind === 'record' ? withOwner(paths, again.record, problems) : undefined;
}

/** After a loss of power nobody wants a throwaway any more, nor what was not made yet when it came. */
function durabilityOf({ throwaway, making }: SandboxRecord): Durability {
  return throwaway === true || making === true ? 'quick' : 'safe';
}

/** JSON is YAML, so the file can be read without a YAML parser and edited with any tool for YAML. */
function render(record: SandboxRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

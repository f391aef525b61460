// Notes in the repository about worktrees that are being made or removed, so that the next command can finish the work.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { ensureFolder, writeAtomic } from '../platform/files.ts';
import { parseJson } from '../protocol/parse.ts';
import { kindOf, readRegular } from './gitFolder.ts';
import type { Repository } from './repository.ts';
import { labelsOf } from './slug.ts';

const Note = z.object({ kind: z.enum(['making', 'removing']), branch: z.string(), path: z.string() });
export type Note = z.output<typeof Note>;

export async function writeNote(repository: Repository, note: Note): Promise<void> {
  await ensureFolder(join(repository.commonDir, 'heyvm'));
  await writeAtomic(noteFile(repository, note.branch), `${JSON.stringify(note)}\n`, { durability: 'quick' });
}

/** A note that cannot be read was never finished, and so nothing was begun after it. */
export async function readNote(repository: Repository, branch: string): Promise<Note | undefined> {
  const file = noteFile(repository, branch);
  if ((await kindOf(file)) !== 'file') return undefined;
  const parsed = parseJson(Note, (await readRegular(file, 65_536))?.toString('utf8') ?? '');
  return parsed.ok && parsed.value.branch === branch ? parsed.value : undefined;
}

export async function removeNote(repository: Repository, branch: string): Promise<void> {
  await rm(noteFile(repository, branch), { force: true });
}

/** The second label is a branch's own. */
function noteFile(repository: Repository, branch: string): string {
  return join(repository.commonDir, 'heyvm', `${labelsOf(repository.root, branch)[1]}.json`);
}

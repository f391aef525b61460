// Copies files of this machine into a guest.
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import { basename, join, posix, resolve } from 'node:path';
import { fail } from '../core/errors.ts';
import type { GuestFiles } from '../sftp/client.ts';
import type { Place } from './place.ts';
import type { Tally } from './tally.ts';

export type Upload = {
  readonly source: Extract<Place, { kind: 'host' }>;
  readonly target: Extract<Place, { kind: 'guest' }>;
  readonly depth: 'recursive' | 'single';
};

export async function upload(
  { source, target, depth }: Upload,
  files: GuestFiles,
  tally: Tally,
): Promise<void> {
  const facts = await look(source.path);
  if (facts.isDirectory() && depth === 'single') {
    fail('usage', `${source.path} is a folder`, { hint: 'add -r to copy it with all that is in it' });
  }
  const existing = await files.stat(target.path);
  if (existing === undefined && target.folder === 'asked' && !facts.isDirectory()) {
    fail('path-not-found', `the folder ${target.path} does not exist in ${target.sandbox}`);
  }
  const into = existing?.kind === 'folder' && source.scope === 'itself';
  const path = into ? posix.join(target.path, basename(resolve(source.path))) : target.path;
  await send({ from: source.path, to: path, facts }, files, tally);
}

type Step = { readonly from: string; readonly to: string; readonly facts: Stats };

async function send(step: Step, files: GuestFiles, tally: Tally): Promise<void> {
  tally.begin(step.from);
  if (step.facts.isSymbolicLink()) return sendLink(step, files, tally);
  if (step.facts.isDirectory()) return sendFolder(step, files, tally);
  if (step.facts.isFile()) return sendFile(step, files, tally);
  // Sockets, pipes and devices have no content that could be copied.
}

async function sendFolder({ from, to, facts }: Step, files: GuestFiles, tally: Tally): Promise<void> {
  const existing = await files.stat(to);
  if (existing !== undefined && existing.kind !== 'folder') {
    fail('storage', `${to} exists in the sandbox and is not a folder`);
  }
  // While it is filled it must be writable, whatever its mode will be.
  if (existing === undefined) await files.makeFolder(to, (facts.mode & 0o777) | 0o700);
  tally.counts.folders += 1;
  for (const name of (await readdir(from)).sort()) {
    const path = join(from, name);
    await send({ from: path, to: posix.join(to, name), facts: await lstat(path) }, files, tally);
  }
  if (existing === undefined && (facts.mode & 0o700) !== 0o700) await files.setMode(to, facts.mode & 0o777);
}

async function sendLink({ from, to }: Step, files: GuestFiles, tally: Tally): Promise<void> {
  const target = await readlink(from);
  if ((await files.lstat(to)) !== undefined) await files.remove(to);
  await files.makeLink(to, target);
  tally.counts.links += 1;
}

async function sendFile({ from, to, facts }: Step, files: GuestFiles, tally: Tally): Promise<void> {
  const mode = facts.mode & 0o777;
  await files.write(to, counted(createReadStream(from), tally), mode);
  // The mode at creation is narrowed by the guest's umask, and an existing file keeps its own.
  await files.setMode(to, mode);
  tally.counts.files += 1;
}

async function* counted(content: AsyncIterable<Uint8Array>, tally: Tally): AsyncIterable<Uint8Array> {
  for await (const chunk of content) {
    tally.signal.throwIfAborted();
    tally.moved(chunk.length);
    yield chunk;
  }
}

/** What is named on the command line is followed; what is found below it is not. */
async function look(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      fail('path-not-found', `${path} does not exist`);
    }
    throw error;
  }
}

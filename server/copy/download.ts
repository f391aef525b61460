// Copies files of a guest to this machine. The guest is not trusted: nothing it names can lead out of the target.
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { dirname, join, posix, resolve } from 'node:path';
import { fail } from '../core/errors.ts';
import { identify } from '../platform/process.ts';
import { randomHex } from '../platform/random.ts';
import { type Room, roomIn } from '../platform/room.ts';
import type { GuestFiles } from '../sftp/client.ts';
import type { Attributes } from '../sftp/packet.ts';
import type { Place } from './place.ts';
import type { Tally } from './tally.ts';

export type Download = {
  readonly source: Extract<Place, { kind: 'guest' }>;
  readonly target: Extract<Place, { kind: 'host' }>;
  readonly depth: 'recursive' | 'single';
};

export async function download(
  { source, target, depth }: Download,
  files: GuestFiles,
  tally: Tally,
): Promise<void> {
  const attributes = await files.stat(source.path);
  if (attributes === undefined) {
    fail('path-not-found', `${source.path} does not exist in ${source.sandbox}`);
  }
  if (attributes.kind === 'folder' && depth === 'single') {
    fail('usage', `${source.path} is a folder`, { hint: 'add -r to copy it with all that is in it' });
  }
  // The target is the person's own word: links there are followed.
  const existing = await facts(stat, target.path);
  if (existing === undefined && /[/\\]$/.test(target.path) && attributes.kind !== 'folder') {
    fail('path-not-found', `the folder ${target.path} does not exist`);
  }
  const name = posix.basename(source.path);
  const to =
    existing?.isDirectory() === true && source.scope === 'itself' && name !== ''
      ? join(target.path, name)
      : target.path;
  const links: Link[] = [];
  const folder = dirname(resolve(to));
  const room = await roomIn(folder, `what ${source.sandbox} has in ${source.path}`);
  if (attributes.kind === 'file') await clearDrafts(folder);
  await receive({ from: source.path, to, attributes }, { files, tally, links, room });
  // Links come last, so that nothing can be written through one of them.
  for (const link of links) await placeLink(link, tally);
}

type Link = { readonly to: string; readonly target: string };
type Work = {
  readonly files: GuestFiles;
  readonly tally: Tally;
  readonly links: Link[];
  readonly room: Room;
};
type Step = { readonly from: string; readonly to: string; readonly attributes: Attributes };

async function receive(step: Step, work: Work): Promise<void> {
  work.tally.begin(step.from);
  work.room.take({ files: 1 });
  switch (step.attributes.kind) {
    case 'folder':
      return receiveFolder(step, work);
    case 'file':
      return receiveFile(step, work);
    case 'link':
      work.links.push({ to: step.to, target: await work.files.readLink(step.from) });
      return;
    case 'other':
    // Sockets, pipes and devices have no content that could be copied.
  }
}

async function receiveFolder({ from, to, attributes }: Step, work: Work): Promise<void> {
  const existing = await facts(lstat, to);
  const own = existing === undefined;
  if (own) await mkdir(to, { mode: (attributes.mode & 0o777) | 0o700 });
  else if (!existing.isDirectory()) fail('storage', `${to} exists and is not a folder`);
  else await clearDrafts(to);
  work.tally.counts.folders += 1;
  const taken = new Set<string>();
  for (const { name, attributes: found } of await work.files.list(from)) {
    if (!isPlainName(name) || taken.has(name)) {
      fail('policy-refused', `the sandbox names a file ${JSON.stringify(name)} that would not stay in ${to}`);
    }
    taken.add(name);
    await receive({ from: posix.join(from, name), to: join(to, name), attributes: found }, work);
  }
  if (own && (attributes.mode & 0o700) !== 0o700) await chmod(to, attributes.mode & 0o777);
}

/** Written beside its place and then moved there, so that neither a link nor half a file is ever left. */
async function receiveFile({ from, to, attributes }: Step, work: Work): Promise<void> {
  const existing = await facts(lstat, to);
  if (existing?.isDirectory() === true) fail('storage', `${to} exists and is a folder`);
  const draft = `${to}.heyvm-copy-${process.pid}-${randomHex(4)}`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const file = await open(draft, flags, 0o600);
  try {
    await fill(file, work.files.read(from), work);
    await file.chmod(attributes.mode & 0o777);
    await file.close();
    await rename(draft, to);
  } catch (error) {
    await file.close().catch(() => {
      // It may be closed already; the first failure is the one to tell.
    });
    await rm(draft, { force: true });
    throw error;
  }
  work.tally.counts.files += 1;
}

/** What copies that were killed left half written. */
async function clearDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /\.heyvm-copy-([0-9]+)-[0-9a-f]{8}$/.exec(name)?.[1];
    if (pid === undefined || identify(Number(pid)) !== undefined) continue;
    const draft = join(folder, name);
    if ((await facts(lstat, draft))?.isFile() === true) await rm(draft, { force: true });
  }
}

async function fill(
  file: FileHandle,
  content: AsyncIterable<Uint8Array>,
  { tally, room }: Work,
): Promise<void> {
  for await (const chunk of content) {
    tally.signal.throwIfAborted();
    room.take({ bytes: chunk.length });
    await file.writeFile(chunk);
    tally.moved(chunk.length);
  }
}

async function placeLink({ to, target }: Link, tally: Tally): Promise<void> {
  const existing = await facts(lstat, to);
  if (existing?.isDirectory() === true) fail('storage', `${to} exists and is a folder`);
  if (existing !== undefined) await rm(to);
  await symlink(target, to);
  tally.counts.links += 1;
}

/** One component of a path, on every system. */
function isPlainName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    !/[/\0]/.test(name) &&
    (process.platform !== 'win32' || !/[\\:]/.test(name))
  );
}

async function facts(look: (path: string) => Promise<Stats>, path: string): Promise<Stats | undefined> {
  try {
    return await look(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

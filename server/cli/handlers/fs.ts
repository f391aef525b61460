// heyvm fs: looks at and changes single files in a sandbox.
import { posix } from 'node:path';
import { guestPath, guestPlace } from '../../copy/place.ts';
import { bytes } from '../../core/amounts.ts';
import { fail } from '../../core/errors.ts';
import { type GuestFiles, openFiles } from '../../sftp/client.ts';
import type { Attributes } from '../../sftp/packet.ts';
import type { Context } from '../command.ts';
import { openGuest } from '../guest.ts';
import { table } from '../render.ts';

type Action = (context: Context, files: GuestFiles, path: string) => Promise<void>;

const actions: Readonly<Record<string, Action | undefined>> = { ls, cat, write, mkdir, rm, mv, stat };

/** With `--format json` a file is held in memory; without, it is streamed and may be of any size. */
const MOST_JSON = 16 * 1024 * 1024;

export async function run(context: Context): Promise<undefined> {
  const { args, paths, interrupts } = context;
  const name = args.argument('action');
  const action = actions[name];
  if (action === undefined) {
    fail('usage', `fs cannot ${JSON.stringify(name)}`, { hint: `one of ${Object.keys(actions).join(', ')}` });
  }
  if ((args.optional('to') !== undefined) !== (name === 'mv')) {
    fail('usage', name === 'mv' ? 'mv needs the new path' : `${name} takes one path`, {
      hint: 'heyvm fs --help',
    });
  }
  const place = guestPlace(args.argument('place'));
  const { guest } = await openGuest(paths, place.sandbox, interrupts.signal);
  const files = await openFiles(await guest.sftp(), interrupts.signal);
  try {
    await action(context, files, place.path);
  } catch (error) {
    interrupts.signal.throwIfAborted();
    throw error;
  } finally {
    files.close();
  }
}

async function ls({ out }: Context, files: GuestFiles, path: string): Promise<void> {
  const found = await existing(files, path);
  const entries =
    found.kind === 'folder' ? await files.list(path) : [{ name: posix.basename(path), attributes: found }];
  const shown = entries.map(({ name, attributes }) => ({ name, ...describe(attributes) }));
  out.result(shown, () => {
    const rows = shown.map(entry => [
      entry.kind,
      entry.mode,
      entry.kind === 'file' ? bytes(entry.size) : '-',
      entry.modified_at,
      entry.kind === 'folder' ? `${entry.name}/` : entry.name,
    ]);
    return rows.length === 0 ? '' : table(out, ['KIND', 'MODE', 'SIZE', 'MODIFIED', 'NAME'], rows);
  });
  if (shown.length === 0) out.note(`${path} is empty`);
}

async function cat({ out }: Context, files: GuestFiles, path: string): Promise<void> {
  const found = await existing(files, path);
  if (found.kind === 'folder') fail('usage', `${path} is a folder`, { hint: 'heyvm fs ls lists it' });
  if (out.format === 'text') {
    for await (const chunk of files.read(path)) await out.write(chunk);
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of files.read(path)) {
    size += chunk.length;
    if (size > MOST_JSON) fail('usage', `${path} is too large for JSON`, { hint: 'leave --format json out' });
    chunks.push(chunk);
  }
  const content = Buffer.concat(chunks);
  const text = content.toString('utf8');
  const exact = Buffer.from(text).equals(content);
  out.result(
    { path, size, encoding: exact ? 'utf8' : 'base64', content: exact ? text : content.toString('base64') },
    () => '',
  );
}

async function write({ out }: Context, files: GuestFiles, path: string): Promise<void> {
  const count = await files.write(path, process.stdin, undefined);
  out.result({ path, bytes: count }, () => '');
}

async function mkdir({ out }: Context, files: GuestFiles, path: string): Promise<void> {
  const missing: string[] = [];
  for (let folder = path; folder !== '/'; folder = posix.dirname(folder)) {
    const found = await files.stat(folder);
    if (found !== undefined && found.kind !== 'folder')
      fail('storage', `${folder} exists and is not a folder`);
    if (found !== undefined) break;
    missing.unshift(folder);
  }
  for (const folder of missing) await files.makeFolder(folder, undefined);
  out.result({ path, created: missing }, () => '');
}

async function rm({ args, out }: Context, files: GuestFiles, path: string): Promise<void> {
  if (path === '/') fail('usage', 'the root of a sandbox cannot be removed');
  const found = (await files.lstat(path)) ?? missing(path);
  if (found.kind === 'folder' && !args.flag('recursive')) {
    fail('usage', `${path} is a folder`, { hint: 'add -r to remove it with all that is in it' });
  }
  const removed = await removeTree(files, path, found);
  out.result({ path, removed }, () => '');
}

/** Links are removed and never followed. */
async function removeTree(files: GuestFiles, path: string, attributes: Attributes): Promise<number> {
  if (attributes.kind !== 'folder') {
    await files.remove(path);
    return 1;
  }
  let removed = 1;
  for (const { name, attributes: found } of await files.list(path)) {
    removed += await removeTree(files, posix.join(path, name), found);
  }
  await files.removeFolder(path);
  return removed;
}

async function mv({ args, out }: Context, files: GuestFiles, path: string): Promise<void> {
  const asked = args.optional('to') ?? '';
  const wanted = guestPath(asked);
  const target = await files.stat(wanted);
  const to = target?.kind === 'folder' ? posix.join(wanted, posix.basename(path)) : wanted;
  await files.rename(path, to);
  out.result({ from: path, to }, () => '');
}

async function stat({ out }: Context, files: GuestFiles, path: string): Promise<void> {
  const found = (await files.lstat(path)) ?? missing(path);
  const target = found.kind === 'link' ? await files.readLink(path) : undefined;
  const shown = { path, ...describe(found), ...(target === undefined ? {} : { target }) };
  out.result(shown, () =>
    Object.entries(shown)
      .map(([name, value]) => `${name.padEnd(12)} ${value}`)
      .join('\n'),
  );
}

async function existing(files: GuestFiles, path: string): Promise<Attributes> {
  return (await files.stat(path)) ?? missing(path);
}

function missing(path: string): never {
  fail('path-not-found', `${path} does not exist in the sandbox`);
}

function describe({ kind, size, mode, modifiedAt }: Attributes) {
  return { kind, size, mode: mode.toString(8).padStart(4, '0'), modified_at: modifiedAt.toISOString() };
}

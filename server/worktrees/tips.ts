// What a guest's own git folder points at: told by git inside while it runs, and read by us, never by git, while it does not.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { kindOf, type OwnFolder, readLine, readRegular, requireFolder } from './gitFolder.ts';
import type { Host } from './hostGit.ts';
import { insideOf } from './inside.ts';
import { privateOf } from './privatePlaces.ts';
import { askGuest, GUEST, type Server } from './uploadPack.ts';

/** `HEAD`, a ref below heads, tags or notes, or `stash/` and the commit of an entry. */
export type Tip = { readonly name: string; readonly commit: string };

export type Tips = {
  readonly tips: readonly Tip[];
  /** Refs that cannot be brought under their names; quoted, for anything may stand in them. */
  readonly odd: readonly string[];
};

const MOST = 10_000;
const LISTING_LIMIT = 16 * 1024 * 1024;
const LISTING_MS = 60_000;

export async function tipsInside(host: Host, server: Server): Promise<Tips> {
  const { stdout } = await askGuest(host, server, {
    args: ['ls-remote', '--quiet', GUEST],
    limit: LISTING_LIMIT,
    timeoutMs: LISTING_MS,
  });
  const { stdout: list } = await insideOf(server.guest, host.signal)(
    ['git', 'stash', 'list', '--format=%H'],
    {
      accept: 'any',
    },
  );
  const listed = stdout.split('\n').filter(line => !line.endsWith('^{}'));
  const stashes = list.split('\n').filter(line => line !== '');
  return sorted([...listed.map(line => line.replace('\t', ' ')), ...stashes.map(asStash)]);
}

function asStash(commit: string): string {
  return `${commit} stash/${commit}`;
}

/** Of a sandbox that does not run. Whatever is not as git writes it makes the answer unknown. */
export async function tipsAtRest(own: OwnFolder): Promise<Tips | undefined> {
  const { repository } = privateOf(own);
  try {
    await requireFolder(repository);
    if ((await kindOf(join(repository, 'reftable'))) !== 'absent') return undefined;
    const loose = await looseRefs(repository, 'refs');
    const names = new Set(loose.map(line => line.slice(line.indexOf(' ') + 1)));
    const packed = (await linesOf(join(repository, 'packed-refs'))).filter(
      line => /^[0-9a-f]{40,64} /.test(line) && !names.has(line.slice(line.indexOf(' ') + 1)),
    );
    const refs = [...loose, ...packed];
    const head = await headOf(repository, refs);
    return sorted([...head, ...refs, ...(await stashesAtRest(repository))]);
  } catch {
    return undefined;
  }
}

async function looseRefs(repository: string, folder: string, depth = 0): Promise<string[]> {
  if (depth > 64) fail('worktree-conflict', `${folder} is too deep`);
  await requireFolder(join(repository, folder));
  const found: string[] = [];
  for (const entry of await readdir(join(repository, folder), { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await looseRefs(repository, name, depth + 1)));
    else if (!name.endsWith('.lock')) found.push(`${(await readLine(join(repository, name))) ?? ''} ${name}`);
    if (found.length > MOST) fail('worktree-conflict', `${folder} has too many refs`);
  }
  return found;
}

async function headOf(repository: string, refs: readonly string[]): Promise<string[]> {
  const line = (await readLine(join(repository, 'HEAD'))) ?? '';
  const name = /^ref: *(.+)$/.exec(line)?.[1];
  if (name === undefined) return [`${line} HEAD`];
  const ref = refs.find(known => known.endsWith(` ${name}`));
  return ref === undefined ? [] : [`${ref.slice(0, ref.indexOf(' '))} HEAD`];
}

/** Only the reflog knows all of them; the second word of its lines is the entry. */
async function stashesAtRest(repository: string): Promise<string[]> {
  for (const part of ['logs', 'logs/refs']) {
    if ((await kindOf(join(repository, part))) === 'absent') return [];
    await requireFolder(join(repository, part));
  }
  const lines = await linesOf(join(repository, 'logs', 'refs', 'stash'));
  return lines.flatMap(line => (line === '' ? [] : [asStash(line.split(' ')[1] ?? '')]));
}

const FILE_LIMIT = 64 * 1024 * 1024;

async function linesOf(path: string): Promise<string[]> {
  return ((await readRegular(path, FILE_LIMIT))?.toString('latin1') ?? '').split('\n');
}

/** What stood in the folder when it was made; it is ours, and no guest sees it. */
export async function beginningOf(own: OwnFolder): Promise<ReadonlyMap<string, string>> {
  const { tips } = sorted(await linesOf(privateOf(own).beginning));
  return new Map(tips.map(({ name, commit }) => [name, commit]));
}

/** Those that can be work; refs of other kinds are the guest's own affair. */
const kinds = /^(HEAD$|refs\/(heads|tags|notes)\/|stash\/)/;

function sorted(lines: readonly string[]): Tips {
  const tips = new Map<string, string>();
  const odd: string[] = [];
  for (const line of lines) {
    const space = line.indexOf(' ');
    const [commit, name] = [line.slice(0, space), line.slice(space + 1)];
    if (space < 0 || !kinds.test(name)) continue;
    if (isPlain(name) && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) tips.set(name, commit);
    else odd.push(JSON.stringify(name).slice(0, 200));
    if (tips.size + odd.length > MOST) fail('worktree-conflict', `git inside has more than ${MOST} refs`);
  }
  return { tips: [...tips].map(([name, commit]) => ({ name, commit })), odd };
}

const LONGEST_NAME = 200;

/** Narrower than what git allows where names are strange: they become files on the host. */
function isPlain(name: string): boolean {
  return (
    name.length <= LONGEST_NAME &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: names of a guest may hold any byte.
    !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$|\/@$/.test(name) &&
    name.split('/').every(part => !part.startsWith('.') && !part.startsWith('-') && !part.endsWith('.lock'))
  );
}

// What a build is given: the files of its context, and a digest of them that costs little when nothing changed.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fail } from '../../core/errors.ts';
import { isAbsence, readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { parseJson } from '../../protocol/parse.ts';
import { hasExceptions, readIgnoreRules } from './dockerIgnore.ts';
import { type FolderNode, metaOf, type Node, newRoot, put } from './rootTree.ts';

export type Context = {
  /** The digest of names, modes, links and contents; not of owners and times. */
  readonly digest: string;
  readonly root: FolderNode;
  /** The rules that kept files out, for a builder that reads the folder itself. */
  readonly ignore: string;
};

export type ContextRequest = {
  readonly folder: string;
  /** The path of the Dockerfile; rules for it alone stand in `<file>.dockerignore`. */
  readonly file: string;
  /** Where digests of files are kept between builds. */
  readonly cache: string;
};

/** Enough to keep two cores busy with files of any size. */
const PARALLEL = 8;
const CHUNK = 512 * 1024;

export async function readContext(
  { folder, file, cache }: ContextRequest,
  signal: AbortSignal,
): Promise<Context> {
  const ignore =
    (await readTextIfExists(`${file}.dockerignore`)) ??
    (await readTextIfExists(join(folder, '.dockerignore'))) ??
    '';
  const found = listFiles(folder, ignore);
  const place = join(cache, `context-${createHash('sha256').update(folder).digest('hex').slice(0, 24)}.json`);
  const known = await readKnown(place);
  const digests = await digestsOf(found, { folder, known, signal });
  if (digests.fresh > 0 || known.size !== found.length) await writeKnown(cache, place, digests.known);
  const hash = createHash('sha256');
  for (const { path, kind, mode, target } of found) {
    hash.update(`${path}\0${kind}\0${mode}\0${target ?? digests.byPath.get(path) ?? ''}\0`);
  }
  return { digest: hash.digest('hex'), root: treeOf(folder, found), ignore };
}

type Found = {
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'symlink';
  readonly mode: number;
  readonly target?: string;
  readonly size: number;
  readonly mtime: number;
  /** Changes with every change of the file, also with one that keeps size and time. */
  readonly stamp: string;
  readonly changedMs: number;
};

/** In the order of names; sockets and devices are no files of a build. */
function listFiles(folder: string, ignore: string): Found[] {
  const isIgnored = readIgnoreRules(ignore);
  const looksInside = hasExceptions(ignore);
  const found: Found[] = [];
  const waiting = [''];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const name of namesIn(join(folder, path))) {
      const inner = path === '' ? name : `${path}/${name}`;
      const skipped = isIgnored(inner);
      if (skipped && !looksInside) continue;
      const entry = describe(join(folder, inner), inner);
      if (entry?.kind === 'folder') waiting.push(inner);
      if (entry !== undefined && !skipped) found.push(entry);
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (!isAbsence(error)) throw error;
    return fail('path-not-found', `there is no folder ${folder}`, { hint: 'give one with --context' });
  }
}

function describe(place: string, path: string): Found | undefined {
  const state = lstatSync(place, { bigint: true, throwIfNoEntry: false });
  if (state === undefined) return undefined;
  const kind = state.isFile()
    ? 'file'
    : state.isDirectory()
      ? 'folder'
      : state.isSymbolicLink()
        ? 'symlink'
        : undefined;
  if (kind === undefined) return undefined;
  return {
    path,
    kind,
    mode: kind === 'symlink' ? 0o777 : Number(state.mode & 0o7777n),
    ...(kind === 'symlink' ? { target: readlinkSync(place) } : {}),
    size: Number(state.size),
    mtime: Math.floor(Number(state.mtimeMs) / 1000),
    stamp: [state.ino, state.size, state.mtimeNs, state.ctimeNs].join('.'),
    changedMs: Number(state.ctimeNs / 1_000_000n),
  };
}

const Known = z.record(z.string(), z.tuple([z.string(), z.string()]));
type Known = ReadonlyMap<string, readonly [stamp: string, digest: string]>;

async function readKnown(place: string): Promise<Known> {
  const parsed = parseJson(Known, (await readTextIfExists(place)) ?? '{}');
  // A file that cannot be read only costs time.
  return new Map(parsed.ok ? Object.entries(parsed.value) : []);
}

async function writeKnown(cache: string, place: string, known: Known): Promise<void> {
  await mkdir(cache, { recursive: true, mode: 0o700 });
  await writeAtomic(place, JSON.stringify(Object.fromEntries(known)), { durability: 'quick' });
}

type Digests = {
  readonly byPath: ReadonlyMap<string, string>;
  readonly known: Known;
  readonly fresh: number;
};
type Hashing = { readonly folder: string; readonly known: Known; readonly signal: AbortSignal };

async function digestsOf(found: readonly Found[], { folder, known, signal }: Hashing): Promise<Digests> {
  const byPath = new Map<string, string>();
  const keep = new Map<string, readonly [string, string]>();
  const waiting: Found[] = [];
  for (const file of found) {
    const before = known.get(file.path);
    if (file.kind !== 'file') continue;
    if (before?.[0] !== file.stamp) waiting.push(file);
    else {
      byPath.set(file.path, before[1]);
      keep.set(file.path, before);
    }
  }
  const fresh = waiting.length;
  const work = async (): Promise<void> => {
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      signal.throwIfAborted();
      const started = Date.now();
      const digest = await digestOf(join(folder, file.path), chunk, signal);
      byPath.set(file.path, digest);
      if (started - file.changedMs > marginFor(file)) keep.set(file.path, [file.stamp, digest]);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return { byPath, known: keep, fresh };
}

/** A file that changed again in the same tick of its clock would look as it did; some clocks tick in seconds. */
function marginFor({ stamp }: Found): number {
  return stamp.endsWith('000000000') ? 2_000 : 50;
}

/** Without a stream, which for a small file costs more than its bytes. */
async function digestOf(path: string, chunk: Buffer, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
      hash.update(chunk.subarray(0, bytesRead));
      if (bytesRead < chunk.length) return hash.digest('hex');
    }
  } finally {
    await file.close();
  }
}

/** As builders see it: everything belongs to root. */
function treeOf(folder: string, found: readonly Found[]): FolderNode {
  const root = newRoot();
  for (const entry of found) put(root, latin(entry.path), nodeOf(folder, entry));
  return root;
}

function nodeOf(folder: string, { path, kind, mode, target, size, mtime }: Found): Node {
  const meta = metaOf(mode, mtime);
  if (kind === 'folder') return { kind, meta, children: new Map() };
  if (kind === 'symlink') return { kind, meta, target: latin(target ?? '') };
  return { kind, meta, content: { kind: 'part', path: join(folder, path), offset: 0, size } };
}

function latin(name: string): string {
  return Buffer.from(name).toString('latin1');
}

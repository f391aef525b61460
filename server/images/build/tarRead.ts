// Reads a tar of a root file system (ustar, GNU and pax) into a tree, and leaves the files' bytes where they are.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { fail } from '../../core/errors.ts';
import { type FolderNode, find, type Meta, type Node, newRoot, put } from './rootTree.ts';

const BLOCK = 512;
/** A name, a target or a set of attributes is never larger; more is damage. */
const LARGEST_EXTRA = 1024 * 1024;
const MOST_ENTRIES = 4_000_000;

export function readTar(path: string): FolderNode {
  const source: Source = { path, fd: openSync(path, 'r'), bytes: statSync(path).size };
  try {
    return readEntries(source);
  } finally {
    closeSync(source.fd);
  }
}

type Source = { readonly path: string; readonly fd: number; readonly bytes: number };

/** What pax and GNU headers say about the entry after them. */
type Extra = Map<string, Buffer>;

type Header = {
  readonly name: string;
  readonly type: string;
  readonly target: string;
  readonly size: number;
  readonly meta: Meta;
  readonly major: number;
  readonly minor: number;
};

function readEntries(source: Source): FolderNode {
  const root = newRoot();
  const global: Extra = new Map();
  let extra: Extra = new Map();
  let offset = 0;
  for (let count = 0; offset + BLOCK <= source.bytes; count += 1) {
    if (count > MOST_ENTRIES) damaged(source, `has more than ${MOST_ENTRIES} entries`);
    const block = readAt(source, offset, BLOCK);
    if (block.every(byte => byte === 0)) return root;
    const header = decode(source, block, new Map([...global, ...extra]), offset);
    const start = offset + BLOCK;
    if (start + header.size > source.bytes) damaged(source, `ends in the middle of ${quoted(header.name)}`);
    if (!readExtra(source, header, { start, global, extra })) {
      place(root, header, { path: source.path, offset: start });
      extra = new Map();
    }
    offset = start + Math.ceil(header.size / BLOCK) * BLOCK;
  }
  // The end is two empty blocks; a file without them was cut off, perhaps between two entries.
  return damaged(source, 'ends before its end mark');
}

type Place = { readonly start: number; readonly global: Extra; readonly extra: Extra };

/** True when the entry only describes others. */
function readExtra(source: Source, { type, size }: Header, { start, global, extra }: Place): boolean {
  const into = extraTypes[type];
  if (into === undefined) return false;
  if (size > LARGEST_EXTRA) damaged(source, `has a header of ${size} bytes`);
  const bytes = readAt(source, start, size);
  if (into === 'path' || into === 'linkpath') extra.set(into, withoutZero(bytes));
  else
    for (const [key, value] of paxRecords(source, bytes))
      (into === 'global' ? global : extra).set(key, value);
  return true;
}

const extraTypes: Readonly<Record<string, 'path' | 'linkpath' | 'next' | 'global'>> = {
  L: 'path',
  K: 'linkpath',
  x: 'next',
  g: 'global',
};

function paxRecords(source: Source, bytes: Buffer): [string, Buffer][] {
  const records: [string, Buffer][] = [];
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length < 5 || at + length > bytes.length) {
      damaged(source, 'has a broken extended header');
    }
    const record = bytes.subarray(space + 1, at + length - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 0) damaged(source, 'has a broken extended header');
    records.push([record.toString('latin1', 0, equals), Buffer.from(record.subarray(equals + 1))]);
    at += length;
  }
  return records;
}

function decode(source: Source, block: Buffer, extra: Extra, offset: number): Header {
  if (checksum(block) !== number(block, 148, 8)) damaged(source, `has a broken header at byte ${offset}`);
  const type = block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0);
  const says = (key: string): string | undefined => extra.get(key)?.toString('latin1');
  const counts = (key: string, fallback: number): number => {
    const told = says(key);
    const value = told === undefined ? fallback : Math.floor(Number(told));
    return Number.isFinite(value) ? value : damaged(source, `has a broken number in ${key}`);
  };
  const isExtra = type in extraTypes;
  const size = isExtra ? number(block, 124, 12) : counts('size', number(block, 124, 12));
  if (!Number.isSafeInteger(size) || size < 0) damaged(source, `has a broken size at byte ${offset}`);
  if (says('GNU.sparse.major') !== undefined || type === 'S') {
    damaged(source, 'has sparse files, which are not supported');
  }
  return {
    name: says('path') ?? ustarName(block),
    type,
    target: says('linkpath') ?? text(block, 157, 100),
    // Folders and links have no bytes, whatever their header says, except when they really follow.
    size: '12345 6'.includes(type) ? 0 : size,
    meta: {
      mode: number(block, 100, 8) & 0o7777,
      uid: counts('uid', number(block, 108, 8)),
      gid: counts('gid', number(block, 116, 8)),
      mtime: counts('mtime', number(block, 136, 12)),
      xattrs: attributes(extra),
    },
    major: number(block, 329, 8),
    minor: number(block, 337, 8),
  };
}

function attributes(extra: Extra): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const [key, value] of extra) {
    if (key.startsWith('SCHILY.xattr.')) found.set(key.slice('SCHILY.xattr.'.length), value);
  }
  return found;
}

function place(root: FolderNode, header: Header, from: { path: string; offset: number }): void {
  const node = nodeOf(root, header, from);
  if (node !== undefined) put(root, header.name, node);
}

function nodeOf(root: FolderNode, header: Header, from: { path: string; offset: number }): Node | undefined {
  const { type, meta, major, minor, size, target } = header;
  if (type === '5' || (type === '0' && header.name.endsWith('/')))
    return { kind: 'folder', meta, children: new Map() };
  if (type === '0' || type === '7') return { kind: 'file', meta, content: { kind: 'part', ...from, size } };
  if (type === '2') return { kind: 'symlink', meta: { ...meta, mode: 0o777 }, target };
  if (type === '3') return { kind: 'char', meta, major, minor };
  if (type === '4') return { kind: 'block', meta, major, minor };
  if (type === '6') return { kind: 'fifo', meta };
  if (type === '1') return linked(root, header);
  return undefined;
}

function linked(root: FolderNode, { name, target }: Header): Node {
  const node = find(root, target);
  if (node !== undefined && node.kind !== 'folder') return node;
  return fail('image-broken', `the archive links ${quoted(name)} to ${quoted(target)}, which is not in it`, {
    hint: 'make the archive again',
  });
}

function ustarName(block: Buffer): string {
  const name = text(block, 0, 100);
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? text(block, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function text(block: Buffer, at: number, length: number): string {
  return withoutZero(block.subarray(at, at + length)).toString('latin1');
}

function withoutZero(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Octal text, or the binary form that GNU tar uses for large values. */
function number(block: Buffer, at: number, length: number): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) === 0) {
    const digits = text(block, at, length).trim();
    return digits === '' ? 0 : Number.parseInt(digits, 8);
  }
  let value = first & 0x40 ? -1n : BigInt(first & 0x3f);
  for (const byte of block.subarray(at + 1, at + length)) value = value * 256n + BigInt(byte);
  return Number(value);
}

function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK; index += 1) {
    if (index < 148 || index >= 156) sum += block[index] ?? 0;
  }
  return sum;
}

function readAt({ fd, path }: Source, offset: number, length: number): Buffer {
  const block = Buffer.alloc(length);
  const got = readSync(fd, block, 0, length, offset);
  if (got !== length) damaged({ path }, 'became shorter while it was read');
  return block;
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

function damaged(source: Pick<Source, 'path'>, why: string): never {
  return fail('image-broken', `the archive ${source.path} ${why}`, {
    hint: 'make it again, or copy it again from where it came from',
  });
}

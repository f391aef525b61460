// Understands a tar of a root file system (ustar, GNU and pax), block by block, wherever the blocks come from.
import { fail } from '../../core/errors.ts';
import { type Content, type FolderNode, find, type Meta, type Node, newRoot, put } from './rootTree.ts';

export const BLOCK = 512;
/** A name, a target or a set of attributes is never larger; more is damage. */
const LARGEST_EXTRA = 1024 * 1024;
const MOST_ENTRIES = 4_000_000;

/** What is said of an archive whose blocks end before the two empty ones, perhaps between two entries. */
export const CUT_OFF = 'ends before its end mark';

type Source = { readonly path: string };

/** What pax and GNU headers say about the entry after them. */
type Extra = Map<string, Buffer>;

export type Header = {
  readonly name: string;
  readonly type: string;
  readonly target: string;
  /** Of the bytes that follow, which are filled up to whole blocks. */
  readonly size: number;
  readonly meta: Meta;
  readonly major: number;
  readonly minor: number;
};

export type Step =
  | { readonly kind: 'end' }
  /** What follows describes other entries, and is for `describe`. */
  | { readonly kind: 'extra'; readonly header: Header }
  /** What follows is a file's content when it is a file, and else nothing of use. */
  | { readonly kind: 'entry'; readonly header: Header; readonly isFile: boolean };

export class TarParser {
  /** Grows with each entry that is placed. */
  readonly root = newRoot();
  readonly #source: Source;
  readonly #global: Extra = new Map();
  #extra: Extra = new Map();
  #count = 0;

  /** The path names the archive in errors. */
  constructor(path: string) {
    this.#source = { path };
  }

  /** Of the block at this offset of the archive. */
  next(block: Buffer, offset: number): Step {
    this.#count += 1;
    if (this.#count > MOST_ENTRIES) damaged(this.#source, `has more than ${MOST_ENTRIES} entries`);
    if (block.every(byte => byte === 0)) return { kind: 'end' };
    const header = decode(this.#source, block, new Map([...this.#global, ...this.#extra]), offset);
    if (!(header.type in extraTypes)) return { kind: 'entry', header, isFile: isFile(header) };
    if (header.size > LARGEST_EXTRA) damaged(this.#source, `has a header of ${header.size} bytes`);
    return { kind: 'extra', header };
  }

  describe({ type }: Header, bytes: Buffer): void {
    const into = extraTypes[type];
    if (into === 'path' || into === 'linkpath') this.#extra.set(into, withoutZero(bytes));
    else
      for (const [key, value] of paxRecords(this.#source, bytes))
        (into === 'global' ? this.#global : this.#extra).set(key, value);
  }

  /** The node that it became; undefined for what no root file system has. */
  place(header: Header, content: Content): Node | undefined {
    this.#extra = new Map();
    const node = nodeOf(this.root, header, content);
    if (node !== undefined) put(this.root, header.name, node);
    return node;
  }
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

function isFile({ type, name }: Header): boolean {
  return type === '7' || (type === '0' && !name.endsWith('/'));
}

function nodeOf(root: FolderNode, header: Header, content: Content): Node | undefined {
  const { type, meta, major, minor, target } = header;
  if (isFile(header)) return { kind: 'file', meta, content };
  if (type === '5' || type === '0') return { kind: 'folder', meta, children: new Map() };
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

export function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

export function damaged(source: Source, why: string): never {
  return fail('image-broken', `the archive ${source.path} ${why}`, {
    hint: 'make it again, or copy it again from where it came from',
  });
}

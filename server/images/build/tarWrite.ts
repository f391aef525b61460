// Writes a tree as a tar that is the same, byte for byte, for the same tree, and says its digest.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '../../core/errors.ts';
import { type Content, eachNode, type FolderNode, type Meta, type Node, sizeOf } from './rootTree.ts';

const BLOCK = 512;
const CHUNK = 1024 * 1024;
const LARGEST_OCTAL = 0o77777777777;
const LARGEST_ID = 0o7777777;

export type Written = { readonly digest: string; readonly bytes: number };

export async function writeTar(root: FolderNode, path: string, signal?: AbortSignal): Promise<Written> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  const chunks = tarChunks(root, signal);
  let bytes = 0;
  try {
    for (let coming = chunks.next(); ; ) {
      const { value, done } = await coming;
      if (done === true) break;
      // While one piece is hashed, it is written as well, and the next one is read.
      coming = chunks.next();
      const written = file.writeFile(value);
      hash.update(value);
      bytes += value.length;
      await Promise.all([written, coming]);
    }
  } finally {
    await chunks.return(undefined);
    await file.close();
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}

/** The same bytes, for those who send them somewhere; in pieces of a megabyte, which are theirs. */
export async function* tarChunks(
  root: FolderNode,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, undefined, undefined> {
  const out = new Gathered();
  const sources = new Sources();
  try {
    for (const entry of entriesOf(root)) {
      signal?.throwIfAborted();
      for (const part of headers(entry)) yield* added(out, part);
      if (entry.content !== undefined) yield* pieces(out, entry.content, sources);
    }
    yield* added(out, Buffer.alloc(2 * BLOCK));
    if (out.used > 0) yield out.take();
  } finally {
    await sources.close();
  }
  return undefined;
}

type Entry = {
  readonly path: string;
  readonly node: Node;
  readonly link?: string;
  readonly content?: Content;
};

function entriesOf(root: FolderNode): Entry[] {
  const entries: Entry[] = [{ path: './', node: root }];
  const first = new Map<Node, string>();
  eachNode(root, (path, node) => {
    const name = `./${path}${node.kind === 'folder' ? '/' : ''}`;
    const link = first.get(node);
    if (link !== undefined) entries.push({ path: name, node, link });
    else if (node.kind === 'file') entries.push({ path: name, node, content: node.content });
    else entries.push({ path: name, node });
    if (node.kind !== 'folder') first.set(node, link ?? name);
  });
  return entries;
}

const typeFlags = { file: '0', symlink: '2', char: '3', block: '4', folder: '5', fifo: '6' } as const;

function headers({ path, node, link, content }: Entry): Buffer[] {
  const target = link ?? (node.kind === 'symlink' ? node.target : '');
  const size = content === undefined ? 0 : sizeOf(content);
  const extra = extended(path, target, size, node.meta);
  const type = link === undefined ? typeFlags[node.kind] : '1';
  const own = header({ path, target, size, type, meta: node.meta, ...deviceOf(node) });
  if (extra.length === 0) return [own];
  const meta: Meta = { mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: new Map() };
  const before = header({ path: './@', target: '', size: extra.length, type: 'x', meta, major: 0, minor: 0 });
  return [before, padded(extra), own];
}

function deviceOf(node: Node): { major: number; minor: number } {
  return node.kind === 'char' || node.kind === 'block'
    ? { major: node.major, minor: node.minor }
    : { major: 0, minor: 0 };
}

/** The pax records for what does not fit into the header itself. */
function extended(path: string, target: string, size: number, meta: Meta): Buffer {
  const records: Buffer[] = [];
  const add = (key: string, value: Buffer): void => void records.push(record(key, value));
  if (path.length > 100) add('path', Buffer.from(path, 'latin1'));
  if (target.length > 100) add('linkpath', Buffer.from(target, 'latin1'));
  if (size > LARGEST_OCTAL) add('size', Buffer.from(String(size)));
  if (meta.uid > LARGEST_ID) add('uid', Buffer.from(String(meta.uid)));
  if (meta.gid > LARGEST_ID) add('gid', Buffer.from(String(meta.gid)));
  if (meta.mtime < 0 || meta.mtime > LARGEST_OCTAL) add('mtime', Buffer.from(String(meta.mtime)));
  for (const [name, value] of [...meta.xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    add(`SCHILY.xattr.${name}`, value);
  }
  return Buffer.concat(records);
}

/** A record begins with its own length, which counts its own digits. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = rest.length + String(rest.length).length;
  if (String(length).length + rest.length !== length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

type HeaderFields = {
  readonly path: string;
  readonly target: string;
  readonly size: number;
  readonly type: string;
  readonly meta: Meta;
  readonly major: number;
  readonly minor: number;
};

function header({ path, target, size, type, meta, major, minor }: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (at: number, length: number, value: number): void => {
    block.write(
      Math.max(0, value)
        .toString(8)
        .padStart(length - 1, '0'),
      at,
      'latin1',
    );
  };
  block.write(path.slice(0, 100), 0, 'latin1');
  octal(100, 8, meta.mode);
  octal(108, 8, meta.uid > LARGEST_ID ? 0 : meta.uid);
  octal(116, 8, meta.gid > LARGEST_ID ? 0 : meta.gid);
  octal(124, 12, size > LARGEST_OCTAL ? 0 : size);
  octal(136, 12, meta.mtime > LARGEST_OCTAL ? 0 : meta.mtime);
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(target.slice(0, 100), 157, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  octal(329, 8, major);
  octal(337, 8, minor);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & (BLOCK - 1))]);
}

type Pieces = Generator<Buffer, void, undefined>;

function* added(out: Gathered, bytes: Buffer): Pieces {
  for (let done = 0; done < bytes.length; ) {
    done += out.add(bytes, done);
    if (out.room === 0) yield out.take();
  }
}

/** Read to where they are sent from. */
async function* pieces(
  out: Gathered,
  content: Content,
  sources: Sources,
): AsyncGenerator<Buffer, void, undefined> {
  if (content.kind === 'bytes') return yield* added(out, padded(content.bytes));
  const source = await sources.get(content.path);
  for (let done = 0; done < content.size; ) {
    const wanted = Math.min(out.room, content.size - done);
    const { bytesRead } = await source.read(out.buffer, out.used, wanted, content.offset + done);
    if (bytesRead === 0) {
      fail('storage', `${content.path} became shorter while it was read`, { hint: 'try again' });
    }
    out.used += bytesRead;
    done += bytesRead;
    if (out.room === 0) yield out.take();
  }
  yield* added(out, Buffer.alloc(-content.size & (BLOCK - 1)));
}

/** The files that content comes from, each opened once; there are few when most of it is in one archive. */
class Sources {
  readonly #open = new Map<string, FileHandle>();

  async get(path: string): Promise<FileHandle> {
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    if (this.#open.size > 16) await this.close();
    const handle = await open(path, 'r');
    this.#open.set(path, handle);
    return handle;
  }

  async close(): Promise<void> {
    const handles = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(handles.map(handle => handle.close()));
  }
}

/** Small pieces in one, because a root file system has tens of thousands of headers. */
class Gathered {
  buffer = Buffer.allocUnsafe(CHUNK);
  used = 0;

  get room(): number {
    return this.buffer.length - this.used;
  }

  /** As much as there is room for; answers how much that was. */
  add(bytes: Buffer, from: number): number {
    const copied = bytes.copy(this.buffer, this.used, from);
    this.used += copied;
    return copied;
  }

  take(): Buffer {
    const all = this.buffer.subarray(0, this.used);
    this.buffer = Buffer.allocUnsafe(CHUNK);
    this.used = 0;
    return all;
  }
}

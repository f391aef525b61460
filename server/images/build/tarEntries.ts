// The entries of a tar as we write it: in which order they come, and what stands before their bytes.
import { type Content, eachNode, type FolderNode, type Meta, type Node, sizeOf } from './rootTree.ts';
import { BLOCK } from './tarParse.ts';

const LARGEST_OCTAL = 0o77777777777;
const LARGEST_ID = 0o7777777;

export type Entry = {
  readonly path: string;
  readonly node: Node;
  readonly link?: string;
  readonly content?: Content;
};

/** In the order in which they are written: folders before what is in them, names in the order of their bytes. */
export function entriesOf(root: FolderNode): Entry[] {
  const first = new Map<Node, string>();
  const entries = [entryOf('', root, first)];
  eachNode(root, (path, node) => void entries.push(entryOf(path, node, first)));
  return entries;
}

/** Of what comes next after those whose names are in the map, which then has this one as well. */
export function entryOf(inside: string, node: Node, first: Map<Node, string>): Entry {
  if (node.kind === 'folder') return { path: inside === '' ? './' : `./${inside}/`, node };
  const path = `./${inside}`;
  const link = first.get(node);
  if (link !== undefined) return { path, node, link };
  first.set(node, path);
  return node.kind === 'file' ? { path, node, content: node.content } : { path, node };
}

const typeFlags = { file: '0', symlink: '2', char: '3', block: '4', folder: '5', fifo: '6' } as const;

export function headers({ path, node, link, content }: Entry): Buffer[] {
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

/** Filled up to whole blocks. */
export function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & (BLOCK - 1))]);
}

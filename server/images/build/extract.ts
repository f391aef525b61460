// Lays a tree out as a folder that only we can enter, and says what of it a folder of ours cannot hold.
import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import {
  type Content,
  type DeviceNode,
  eachNode,
  type FileNode,
  type FolderNode,
  type LinkNode,
  type Meta,
  type Node,
  type PipeNode,
} from './rootTree.ts';

/** What must be written into the file system after it was made from the folder. */
export type Amendment =
  | { readonly kind: 'field'; readonly path: string; readonly fields: readonly (readonly [string, string])[] }
  | { readonly kind: 'xattr'; readonly path: string; readonly name: string; readonly value: Buffer }
  | {
      readonly kind: 'node';
      readonly path: string;
      readonly type: 'char' | 'block' | 'fifo';
      readonly major: number;
      readonly minor: number;
    };

const CHUNK = 1024 * 1024;
/** How many nodes are made before others get a turn. */
const TURN = 200;

export async function extract(
  root: FolderNode,
  target: string,
  signal: AbortSignal,
): Promise<readonly Amendment[]> {
  const layout = new Layout(target);
  const nodes: [string, Node][] = [];
  eachNode(root, (path, node) => void nodes.push([path, node]));
  try {
    for (const [index, [path, node]] of nodes.entries()) {
      if (index % TURN === 0) await setImmediate();
      signal.throwIfAborted();
      layout.make(path, node);
    }
  } finally {
    layout.close();
  }
  // From the inside out, because a folder gets its time and its lock after all that is in it.
  for (const [path, node] of nodes.reverse()) if (node.kind === 'folder') layout.finish(path, node);
  layout.finish('', root);
  return layout.amendments;
}

class Layout {
  readonly amendments: Amendment[] = [];
  readonly #target: string;
  readonly #isRoot = process.getuid?.() === 0;
  readonly #made = new Map<Node, string>();
  readonly #sources = new Map<string, number>();
  readonly #chunk = Buffer.allocUnsafe(CHUNK);

  constructor(target: string) {
    this.#target = target;
  }

  make(path: string, node: Node): void {
    const first = this.#made.get(node);
    // A device is no node of the folder, so that its second name is a second device.
    if (first !== undefined) linkSync(this.#at(first), this.#at(path));
    else if (node.kind === 'folder') mkdirSync(this.#at(path), { mode: 0o700 });
    else if (node.kind === 'file' || node.kind === 'symlink') this.#makeHere(path, node);
    else this.#makeLater(path, node);
  }

  #makeHere(path: string, node: FileNode | LinkNode): void {
    const place = this.#at(path);
    if (node.kind === 'file') this.#write(place, node.content);
    else symlinkSync(Buffer.from(node.target, 'latin1'), place);
    this.#made.set(node, path);
    this.finish(path, node);
  }

  #makeLater(path: string, node: DeviceNode | PipeNode): void {
    const { major, minor } = node.kind === 'fifo' ? { major: 0, minor: 0 } : node;
    this.amendments.push({ kind: 'node', path, type: node.kind, major, minor });
    const { meta } = node;
    const fields = [modeField(node), ...ownerFields(meta), ['mtime', `@${meta.mtime}`] as const];
    this.amendments.push({ kind: 'field', path, fields });
    this.#amendXattrs(path, meta);
  }

  /** Owner, mode and time; what cannot be set here becomes an amendment. */
  finish(path: string, node: Node): void {
    const { meta } = node;
    const place = this.#at(path);
    const mode = this.#isRoot ? meta.mode : meta.mode | (node.kind === 'folder' ? 0o700 : 0o600);
    if (this.#isRoot) lchownSync(place, meta.uid, meta.gid);
    if (node.kind !== 'symlink') chmodSync(place, mode);
    lutimesSync(place, meta.mtime, meta.mtime);
    const fields: [string, string][] = [];
    if (!this.#isRoot) fields.push(...ownerFields(meta));
    if (node.kind !== 'symlink' && mode !== meta.mode) fields.push(modeField(node));
    if (fields.length > 0 && path !== '') this.amendments.push({ kind: 'field', path, fields });
    this.#amendXattrs(path, meta);
  }

  close(): void {
    for (const fd of this.#sources.values()) closeSync(fd);
    this.#sources.clear();
  }

  #amendXattrs(path: string, meta: Meta): void {
    for (const [name, value] of meta.xattrs) this.amendments.push({ kind: 'xattr', path, name, value });
  }

  #at(path: string): Buffer {
    return Buffer.from(`${Buffer.from(this.#target).toString('latin1')}/${path}`, 'latin1');
  }

  #write(place: Buffer, content: Content): void {
    const fd = openSync(place, 'wx', 0o600);
    try {
      if (content.kind === 'bytes') writeFully(fd, content.bytes);
      else this.#copy(fd, content);
    } finally {
      closeSync(fd);
    }
  }

  #copy(fd: number, { path, offset, size }: Extract<Content, { kind: 'part' }>): void {
    const source = this.#sources.get(path) ?? openSync(path, 'r');
    this.#sources.set(path, source);
    for (let done = 0; done < size; ) {
      const got = readSync(source, this.#chunk, 0, Math.min(CHUNK, size - done), offset + done);
      if (got === 0) throw new Error(`${path} became shorter while it was read`);
      writeFully(fd, this.#chunk.subarray(0, got));
      done += got;
    }
  }
}

function writeFully(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function ownerFields(meta: Meta): [string, string][] {
  return [
    ['uid', String(meta.uid)],
    ['gid', String(meta.gid)],
  ];
}

const typeBits = {
  fifo: 0o010000,
  char: 0o020000,
  folder: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
} as const;

function modeField(node: Node): [string, string] {
  return ['mode', `0${(typeBits[node.kind] | node.meta.mode).toString(8)}`];
}

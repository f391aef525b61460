// Writes a tree as a tar that is the same, byte for byte, for the same tree, and says its digest.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '../../core/errors.ts';
import type { Written } from './hashedFile.ts';
import type { Content, FolderNode } from './rootTree.ts';
import { entriesOf, headers, padded } from './tarEntries.ts';
import { BLOCK } from './tarParse.ts';

const CHUNK = 1024 * 1024;

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

// Takes in a root file system as it arrives and writes it as the image that it will most likely become, in one pass.
import { dirname } from 'node:path';
import { HashedFile, type Written } from './hashedFile.ts';
import { type Content, type FileNode, type FolderNode, find, type Node, stepsOf } from './rootTree.ts';
import { type Entry, entriesOf, entryOf, headers, padded } from './tarEntries.ts';
import { TarInput } from './tarInput.ts';
import { BLOCK, type Header, TarParser } from './tarParse.ts';

/** What will be done to the tree once it is complete, as far as it can be said of single files. */
export type Foresight = {
  /** What a file's bytes turn into, undefined when it goes away; no function where it stays as it is. */
  changeOf(path: string): ((bytes: Buffer) => Buffer | undefined) | undefined;
  /** What there will be if its folder is there, in the order of the archive. */
  readonly adds: readonly { readonly path: string; readonly node: FileNode }[];
};

export type Draft = Written & {
  /** As it arrived, whatever was foreseen. */
  readonly root: FolderNode;
  readonly path: string;
  readonly entries: readonly Entry[];
};

/** Larger ones are not what is foreseen. */
const LARGEST_CHANGED = 1024 * 1024;

export async function draftTar(
  stream: AsyncIterable<Buffer>,
  path: string,
  foresight: Foresight,
): Promise<Draft> {
  const out = await HashedFile.create(path);
  const input = new TarInput(path, stream);
  try {
    const drafting = new Drafting({ input, out, path, foresight });
    while (await drafting.step());
    const { parser, entries } = drafting;
    const written = await out.end();
    await input.drain();
    return { ...written, root: parser.root, path, entries };
  } finally {
    await out.close();
    await input.close();
  }
}

/** Whether the draft is, byte for byte, what would be written of this tree, which was made from the draft's. */
export function isFinal({ entries }: Draft, root: FolderNode): boolean {
  const final = entriesOf(root);
  return (
    final.length === entries.length &&
    final.every((entry, index) => {
      const before = entries[index];
      return before !== undefined && isSame(before, entry);
    })
  );
}

function isSame(left: Entry, right: Entry): boolean {
  if (left.path !== right.path || left.link !== right.link) return false;
  if (left.node === right.node) return true;
  const [one, other] = [left.content, right.content];
  const isSameContent =
    one === undefined || other === undefined
      ? one === other
      : one.kind === 'bytes' && other.kind === 'bytes' && one.bytes.equals(other.bytes);
  return isSameContent && Buffer.concat(headers(left)).equals(Buffer.concat(headers(right)));
}

type Places = {
  readonly input: TarInput;
  readonly out: HashedFile;
  readonly path: string;
  readonly foresight: Foresight;
};

class Drafting {
  readonly parser: TarParser;
  readonly entries: Entry[] = [];
  readonly #places: Places;
  readonly #first = new Map<Node, string>();
  #added = 0;

  constructor(places: Places) {
    this.#places = places;
    this.parser = new TarParser(places.path);
  }

  /** False at the end. */
  async step(): Promise<boolean> {
    const { input, out } = this.#places;
    const { offset } = input;
    const step = this.parser.next(await input.take(BLOCK), offset);
    if (step.kind === 'end') {
      await this.#addUpTo(undefined);
      await out.add(Buffer.alloc(2 * BLOCK));
      return false;
    }
    const { header } = step;
    if (step.kind === 'extra') this.parser.describe(header, await input.take(header.size));
    else if (step.isFile) await this.#takeFile(header);
    else {
      await this.#place(header, { kind: 'bytes', bytes: Buffer.alloc(0) });
      await input.skip(header.size);
    }
    await input.skip(-header.size & (BLOCK - 1));
    return true;
  }

  async #takeFile(header: Header): Promise<void> {
    const { input, out, path, foresight } = this.#places;
    const { size } = header;
    const inside = stepsOf(header.name).join('/');
    const change = size > LARGEST_CHANGED ? undefined : foresight.changeOf(inside);
    if (change === undefined) {
      const content = { kind: 'part' as const, path, offset: 0, size };
      await this.#place(header, content);
      content.offset = out.bytes;
      await input.each(size, part => out.add(part));
      await out.add(padding(size));
      return;
    }
    const bytes = await input.take(size);
    const node = this.parser.place(header, { kind: 'bytes', bytes });
    const changed = change(bytes);
    if (node?.kind !== 'file' || changed === undefined) return;
    await this.#write(inside, { ...node, content: { kind: 'bytes', bytes: changed } });
  }

  async #place(header: Header, content: Content): Promise<void> {
    const node = this.parser.place(header, content);
    const inside = stepsOf(header.name).join('/');
    if (node !== undefined && inside !== '') await this.#write(inside, node);
  }

  async #write(path: string, node: Node): Promise<void> {
    await this.#addUpTo(path);
    await this.#append(path, node);
  }

  /** The root comes first; an entry of its own counts when it comes before all others. */
  async #addUpTo(path: string | undefined): Promise<void> {
    const { root } = this.parser;
    const { adds } = this.#places.foresight;
    if (this.entries.length === 0) await this.#append('', root);
    for (let next = adds[this.#added]; next !== undefined; next = adds[this.#added]) {
      if (path !== undefined && orderOf(path) <= orderOf(next.path)) return;
      this.#added += 1;
      if (find(root, dirname(next.path))?.kind === 'folder') await this.#append(next.path, next.node);
    }
  }

  /** All but bytes that are still to arrive. */
  async #append(path: string, node: Node): Promise<void> {
    const { out } = this.#places;
    const entry = entryOf(path, node, this.#first);
    // A folder may be told more of later, and then is not what was written here.
    this.entries.push(node.kind === 'folder' ? { ...entry, node: { ...node } } : entry);
    for (const part of headers(entry)) await out.add(part);
    if (entry.content?.kind === 'bytes') await out.add(padded(entry.content.bytes));
  }
}

/** Compares as entries follow each other: what is in a folder comes right after it. */
function orderOf(path: string): string {
  return path.replaceAll('/', '\0');
}

function padding(size: number): Buffer {
  return Buffer.alloc(-size & (BLOCK - 1));
}

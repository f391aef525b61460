// Reads a tar of a root file system into a tree, and leaves the files' bytes where they are.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { FolderNode } from './rootTree.ts';
import { BLOCK, CUT_OFF, damaged, quoted, TarParser } from './tarParse.ts';

export function readTar(path: string): FolderNode {
  const source: Source = { path, fd: openSync(path, 'r'), bytes: statSync(path).size };
  try {
    return readEntries(source);
  } finally {
    closeSync(source.fd);
  }
}

type Source = { readonly path: string; readonly fd: number; readonly bytes: number };

function readEntries(source: Source): FolderNode {
  const { path, bytes } = source;
  const parser = new TarParser(path);
  for (let offset = 0; offset + BLOCK <= bytes; ) {
    const step = parser.next(readAt(source, offset, BLOCK), offset);
    if (step.kind === 'end') return parser.root;
    const { name, size } = step.header;
    const start = offset + BLOCK;
    if (start + size > bytes) damaged(source, `ends in the middle of ${quoted(name)}`);
    if (step.kind === 'extra') parser.describe(step.header, readAt(source, start, size));
    else parser.place(step.header, { kind: 'part', path, offset: start, size });
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return damaged(source, CUT_OFF);
}

function readAt({ fd, path }: Source, offset: number, length: number): Buffer {
  const block = Buffer.alloc(length);
  const got = readSync(fd, block, 0, length, offset);
  if (got !== length) damaged({ path }, 'became shorter while it was read');
  return block;
}

// Reads which entries of a git index are gitlinks, byte for byte and without starting git.

/** `unknown` when the file is not an index that stands for itself. */
export type Gitlinks = { kind: 'known'; paths: readonly Buffer[] } | { kind: 'unknown' };

const GITLINK = 0o160000;
const STAT_BYTES = 40;

export function gitlinksOf(index: Buffer, hashBytes: 20 | 32): Gitlinks {
  if (index.length < 12 + hashBytes || index.toString('latin1', 0, 4) !== 'DIRC') return { kind: 'unknown' };
  const version = index.readUInt32BE(4);
  if (version < 2 || version > 4) return { kind: 'unknown' };
  const paths: Buffer[] = [];
  let offset = 12;
  let previous: Buffer = Buffer.alloc(0);
  for (let left = index.readUInt32BE(8); left > 0; left -= 1) {
    const entry = entryAt(index, offset, { version, hashBytes, previous });
    if (entry === undefined) return { kind: 'unknown' };
    if (entry.mode === GITLINK) paths.push(entry.path);
    previous = entry.path;
    offset = entry.next;
  }
  // A split index keeps most of its entries in another file.
  return hasExtension(index, offset, { name: 'link', hashBytes })
    ? { kind: 'unknown' }
    : { kind: 'known', paths };
}

type Entry = { mode: number; path: Buffer; next: number };
type Reading = { readonly version: number; readonly hashBytes: number; readonly previous: Buffer };

function entryAt(index: Buffer, start: number, { version, hashBytes, previous }: Reading): Entry | undefined {
  const flagsAt = start + STAT_BYTES + hashBytes;
  if (flagsAt + 4 > index.length) return undefined;
  const mode = index.readUInt32BE(start + 24);
  const extended = (index.readUInt16BE(flagsAt) & 0x4000) !== 0;
  let at = flagsAt + (extended ? 4 : 2);
  let kept: Buffer = Buffer.alloc(0);
  if (version === 4) {
    const strip = varintAt(index, at);
    if (strip === undefined || strip.value > previous.length) return undefined;
    kept = previous.subarray(0, previous.length - strip.value);
    at = strip.next;
  }
  const end = index.indexOf(0, at);
  if (end === -1) return undefined;
  const path = Buffer.concat([kept, index.subarray(at, end)]);
  const next = version === 4 ? end + 1 : start + ((end - start + 8) & ~7);
  return { mode, path, next };
}

function varintAt(index: Buffer, start: number): { value: number; next: number } | undefined {
  let at = start;
  let byte = index[at++];
  if (byte === undefined) return undefined;
  let value = byte & 127;
  while ((byte & 128) !== 0) {
    byte = index[at++];
    if (byte === undefined || value > 0xff_ffff) return undefined;
    value = ((value + 1) << 7) | (byte & 127);
  }
  return { value, next: at };
}

function hasExtension(index: Buffer, start: number, wanted: { name: string; hashBytes: number }): boolean {
  let at = start;
  while (at + 8 <= index.length - wanted.hashBytes) {
    if (index.toString('latin1', at, at + 4) === wanted.name) return true;
    at += 8 + index.readUInt32BE(at + 4);
  }
  return false;
}

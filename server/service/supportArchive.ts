// Packs a few small texts into a .tar.gz that every system can open.
import { gzipSync } from 'node:zlib';

export type ArchiveFile = { readonly name: string; readonly text: string };

const BLOCK = 512;
const MODE = 0o600;

/** Names are ours, short and plain, so that no extension of the format is needed. */
export function tarGz(files: readonly ArchiveFile[], atMs: number): Buffer {
  const parts = files.flatMap(({ name, text }) => {
    const content = Buffer.from(text);
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    return [headerOf(name, content.length, atMs), content, padding];
  });
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]));
}

function headerOf(name: string, size: number, atMs: number): Buffer {
  if (!/^[\w./-]{1,99}$/.test(name)) throw new Error(`no name for a file of an archive: ${name}`);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  header.write(name, 0);
  header.write(octal(MODE, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(Math.floor(atMs / 1_000), 11), 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\u0000 `, 148, 'latin1');
  return header;
}

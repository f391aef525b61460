// Writes the initial ramdisk: the guest program as its first process, and the modules that it loads, in order.
import zlib from 'node:zlib';
import type { Module } from './modules.ts';

/** The archive that the kernel unpacks into its first root file system; the same bytes for the same content. */
export function makeInitrd(guestProgram: Buffer, modules: readonly Module[]): Buffer {
  const files: InitrdFile[] = [
    ...['dev', 'lib', 'lib/modules', 'proc', 'root', 'run', 'sys'].map(path => ({
      path,
      mode: FOLDER | 0o755,
    })),
    // The kernel opens it for the first process before that process could make it.
    { path: 'dev/console', mode: CHARACTER | 0o600, device: [5, 1] },
    { path: 'dev/null', mode: CHARACTER | 0o666, device: [1, 3] },
    { path: 'init', mode: FILE | 0o755, bytes: guestProgram },
    ...modules.map(({ name, bytes }) => ({ path: `lib/modules/${name}.ko`, mode: FILE | 0o644, bytes })),
    {
      path: 'lib/modules/list',
      mode: FILE | 0o644,
      bytes: Buffer.from(modules.map(({ name }) => `${name}.ko\n`).join('')),
    },
  ];
  return compress(newc(files));
}

const FILE = 0o100000;
const FOLDER = 0o040000;
const CHARACTER = 0o020000;

type InitrdFile = {
  readonly path: string;
  readonly mode: number;
  readonly bytes?: Buffer;
  readonly device?: readonly [number, number];
};

/** The cpio format that the kernel reads: numbers as eight hex digits, names and content filled up to four bytes. */
function newc(files: readonly InitrdFile[]): Buffer {
  const parts: Buffer[] = [];
  const add = ({ path, mode, bytes = Buffer.alloc(0), device = [0, 0] }: InitrdFile, inode: number): void => {
    const name = Buffer.from(`${path}\0`);
    const links = (mode & FOLDER) === FOLDER ? 2 : 1;
    const numbers = [inode, mode, 0, 0, links, 0, bytes.length, 0, 0, ...device, name.length, 0];
    const hex = numbers.map(value => value.toString(16).toUpperCase().padStart(8, '0')).join('');
    const head = Buffer.concat([Buffer.from(`070701${hex}`), name]);
    parts.push(head, Buffer.alloc(-head.length & 3), bytes, Buffer.alloc(-bytes.length & 3));
  };
  for (const [index, file] of files.entries()) add(file, index + 1);
  add({ path: 'TRAILER!!!', mode: 0 }, 0);
  const all = Buffer.concat(parts);
  return Buffer.concat([all, Buffer.alloc(-all.length & 511)]);
}

/** Some versions of Node that editors bring do not know zstd. */
function compress(archive: Buffer): Buffer {
  const zstd: typeof zlib.zstdCompressSync | undefined = zlib.zstdCompressSync;
  if (zstd === undefined) return zlib.gzipSync(archive, { level: 9 });
  return zstd(archive, { params: { [zlib.constants.ZSTD_c_compressionLevel]: 9 } });
}

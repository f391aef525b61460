// Takes the plain kernel out of a compressed one, because a slow machine takes seconds to unpack it at every boot.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { toSandboxError } from '../../core/errors.ts';
import type { Run } from '../../core/ports.ts';

export type Kernel = { readonly format: 'elf' | 'bzimage'; readonly bytes: Buffer };

export type UnpackDeps = {
  readonly run: Run;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
};

/** The kernel as the hypervisor starts it fastest; the compressed one where that cannot be had. */
export async function unpackKernel(deps: UnpackDeps, image: Buffer, scratch: string): Promise<Kernel> {
  if (isDirectlyBootable(image)) return { format: 'elf', bytes: image };
  const payload = payloadOf(image);
  if (payload === undefined) return { format: 'bzimage', bytes: image };
  try {
    const bytes = await decompress(deps, payload, scratch);
    if (bytes !== undefined && isDirectlyBootable(bytes)) return { format: 'elf', bytes };
    deps.log('the kernel cannot be started uncompressed, so that it takes longer to boot');
  } catch (error) {
    deps.signal.throwIfAborted();
    deps.log(`the kernel stays compressed and takes longer to boot: ${toSandboxError(error).message}`);
  }
  return { format: 'bzimage', bytes: image };
}

/** Whether a buffer is a kernel of x86 as distributions ship it. */
export function isBzImage(image: Buffer): boolean {
  return image.length > 0x260 && image.toString('latin1', 0x202, 0x206) === 'HdrS';
}

/** What the boot protocol's header says about the compressed kernel, from version 2.08. */
function payloadOf(image: Buffer): Buffer | undefined {
  if (!isBzImage(image) || image.readUInt16LE(0x206) < 0x208) return undefined;
  const sectors = image[0x1f1] === 0 ? 4 : (image[0x1f1] ?? 4);
  const start = (sectors + 1) * 512 + image.readUInt32LE(0x248);
  const length = image.readUInt32LE(0x24c);
  if (length < 16 || start + length > image.length) return undefined;
  return image.subarray(start, start + length);
}

type Method = {
  readonly magic: string;
  readonly plain: (deps: UnpackDeps, bytes: Buffer, scratch: string) => Promise<Buffer>;
};

/** The kernel's build adds the unpacked size, four bytes, after all but gzip, whose own format ends with it. */
const methods: readonly Method[] = [
  { magic: '1f8b08', plain: async (_deps, bytes) => zlib.gunzipSync(bytes) },
  {
    magic: '28b52ffd',
    plain: (deps, bytes, scratch) =>
      withTool(deps, bytes, { scratch, argv: ['zstd', '-q', '-d'], ending: 'zst' }),
  },
  {
    magic: 'fd377a585a00',
    plain: (deps, bytes, scratch) =>
      withTool(deps, bytes, { scratch, argv: ['xz', '-q', '-d'], ending: 'xz' }),
  },
  {
    magic: '5d0000',
    plain: (deps, bytes, scratch) =>
      withTool(deps, bytes, { scratch, argv: ['xz', '-q', '-d', '--format=lzma'], ending: 'lzma' }),
  },
  { magic: '02214c18', plain: async (_deps, bytes) => legacyLz4(bytes) },
];

async function decompress(deps: UnpackDeps, payload: Buffer, scratch: string): Promise<Buffer | undefined> {
  const start = payload.toString('hex', 0, 8);
  const method = methods.find(({ magic }) => start.startsWith(magic));
  if (method === undefined) return undefined;
  const bytes = start.startsWith('1f8b08') ? payload : payload.subarray(0, payload.length - 4);
  return await method.plain(deps, bytes, scratch);
}

type Tool = {
  readonly scratch: string;
  readonly argv: readonly [string, ...string[]];
  readonly ending: string;
};

async function withTool({ run, signal }: UnpackDeps, bytes: Buffer, tool: Tool): Promise<Buffer> {
  const folder = await mkdtemp(join(tool.scratch, 'kernel-'));
  try {
    const packed = join(folder, `vmlinux.${tool.ending}`);
    await writeFile(packed, bytes, { mode: 0o600 });
    await run([...tool.argv, packed], { signal });
    return await readFile(join(folder, 'vmlinux'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const LZ4_BLOCK = 8 * 1024 * 1024;

/** The format that only kernels use: blocks of eight megabytes, each with its packed size before it. */
function legacyLz4(bytes: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 4; at + 4 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at);
    if (size === 0 || at + 4 + size > bytes.length) break;
    blocks.push(lz4Block(bytes.subarray(at + 4, at + 4 + size)));
    at += 4 + size;
  }
  return Buffer.concat(blocks);
}

function lz4Block(packed: Buffer): Buffer {
  const out = Buffer.allocUnsafe(LZ4_BLOCK);
  let to = 0;
  let at = 0;
  const length = (first: number): number => {
    let total = first;
    if (first !== 15) return total;
    for (let byte = 255; byte === 255; at += 1) {
      byte = packed[at] ?? 0;
      total += byte;
    }
    return total;
  };
  while (at < packed.length) {
    const token = packed[at] ?? 0;
    at += 1;
    const literals = length(token >> 4);
    packed.copy(out, to, at, at + literals);
    at += literals;
    to += literals;
    if (at >= packed.length) break;
    const back = packed.readUInt16LE(at);
    at += 2;
    const end = to + length(token & 15) + 4;
    if (back === 0 || back > to || end > out.length) throw new Error('the kernel is damaged');
    // Byte by byte, because what is copied may begin in what it makes.
    for (; to < end; to += 1) out[to] = out[to - back] ?? 0;
  }
  return out.subarray(0, to);
}

const PVH_NOTE = 18;

/** An ELF file of x86-64 that says where a hypervisor can enter it. */
function isDirectlyBootable(image: Buffer): boolean {
  if (image.length < 64 || image.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return false;
  const start = Number(image.readBigUInt64LE(32));
  const size = image.readUInt16LE(54);
  const count = image.readUInt16LE(56);
  for (let index = 0; index < count; index += 1) {
    const header = start + index * size;
    if (header + 56 > image.length) return false;
    if (image.readUInt32LE(header) === 4 && hasNote(image, header)) return true;
  }
  return false;
}

function hasNote(image: Buffer, header: number): boolean {
  let at = Number(image.readBigUInt64LE(header + 8));
  const end = Math.min(image.length, at + Number(image.readBigUInt64LE(header + 32)));
  while (at + 12 <= end) {
    const nameSize = image.readUInt32LE(at);
    const valueSize = image.readUInt32LE(at + 4);
    const isXen = image.toString('latin1', at + 12, at + 15) === 'Xen';
    if (isXen && image.readUInt32LE(at + 8) === PVH_NOTE) return true;
    at += 12 + Math.ceil(nameSize / 4) * 4 + Math.ceil(valueSize / 4) * 4;
  }
  return false;
}

// Kernel modules: which ones a guest needs, in the order in which they must be loaded, unpacked.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '../../core/ports.ts';
import { bytesOf } from './content.ts';
import { type Content, eachNode, type FolderNode } from './rootTree.ts';

export type Module = {
  /** As the kernel calls it, with underscores. */
  readonly name: string;
  /** Below the folder of the kernel's version, such as `kernel/fs/9p/9p.ko`. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly needs: readonly string[];
  readonly aliases: readonly string[];
};

/** Loaded before the root file system is there, in this order; what a kernel has built in is left out. */
export const bootModules: readonly string[] = [
  'virtio_pci',
  'virtio_blk',
  'virtio_console',
  'virtio_rng',
  'virtio_net',
  'crc32c_generic',
  'crc32c_intel',
  'ext4',
  '9pnet_virtio',
  '9p',
  'fuse',
  'virtiofs',
  'overlay',
];

/** In the guest's own file system, where they load on demand. */
export const guestModules: readonly string[] = [
  ...bootModules,
  'virtio_balloon',
  'virtio_scsi',
  'sd_mod',
  'sr_mod',
  'isofs',
  'udf',
  'vfat',
  'nls_ascii',
  'nls_utf8',
  'nls_cp437',
  'nls_iso8859_1',
  'btrfs',
  'xfs',
  'squashfs',
  'loop',
  'dm_mod',
  'tun',
  'veth',
  'bridge',
  'br_netfilter',
  'af_packet',
  'vsock',
  'vmw_vsock_virtio_transport',
  'nf_tables',
  'nft_chain_nat',
  'nft_compat',
  'nft_ct',
  'nft_masq',
  'nft_reject_inet',
  'xt_conntrack',
  'xt_MASQUERADE',
  'xt_addrtype',
  'xt_comment',
  'xt_nat',
  'xt_tcpudp',
  'ip_tables',
  'iptable_nat',
  'iptable_filter',
  'binfmt_misc',
  'zram',
  'nbd',
];

export type ModuleDeps = { readonly run: Run; readonly signal: AbortSignal; readonly scratch: string };

/** The wanted modules and all that they need, each after what it needs. `folder` is that of the kernel's version. */
export async function chooseModules(
  deps: ModuleDeps,
  folder: FolderNode,
  wanted: readonly string[],
): Promise<readonly Module[]> {
  const files = moduleFiles(folder);
  const read = new Map<string, Module>();
  let wave = wanted.filter(name => files.has(name));
  while (wave.length > 0) {
    for (const module of await readModules(deps, wave, files)) read.set(module.name, module);
    const needed = wave.flatMap(name => read.get(name)?.needs ?? []);
    wave = [...new Set(needed)].filter(name => files.has(name) && !read.has(name));
  }
  return inOrder(wanted, read);
}

function inOrder(wanted: readonly string[], read: ReadonlyMap<string, Module>): Module[] {
  const order = new Set<Module>();
  const begun = new Set<string>();
  const add = (name: string): void => {
    const module = read.get(name);
    if (module === undefined || begun.has(name)) return;
    begun.add(name);
    for (const need of module.needs) add(need);
    order.add(module);
  };
  for (const name of wanted) add(name);
  return [...order];
}

type ModuleFile = { readonly path: string; readonly content: Content };

function moduleFiles(folder: FolderNode): ReadonlyMap<string, ModuleFile> {
  const files = new Map<string, ModuleFile>();
  eachNode(folder, (path, node) => {
    const match = /([^/]+)\.ko(\.xz|\.zst|\.gz)?$/.exec(path);
    const name = match?.[1];
    if (name !== undefined && node.kind === 'file') files.set(plain(name), { path, content: node.content });
  });
  return files;
}

function plain(name: string): string {
  return name.replaceAll('-', '_');
}

const unpackers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  xz: ['xz', '-q', '-d'],
  zst: ['zstd', '-q', '-d', '--rm'],
  gz: ['gzip', '-d'],
};

async function readModules(
  { run, signal, scratch }: ModuleDeps,
  names: readonly string[],
  files: ReadonlyMap<string, ModuleFile>,
): Promise<Module[]> {
  const folder = join(scratch, 'modules');
  await mkdir(folder, { mode: 0o700 });
  const packed = new Map<string, string[]>();
  const bytes = new Map<string, Buffer>();
  for (const name of names) {
    const file = files.get(name);
    if (file === undefined) continue;
    const ending = /\.ko\.(\w+)$/.exec(file.path)?.[1];
    if (ending === undefined) {
      bytes.set(name, await bytesOf(file.content));
      continue;
    }
    await writeFile(join(folder, `${name}.ko.${ending}`), await bytesOf(file.content));
    packed.set(ending, [...(packed.get(ending) ?? []), name]);
  }
  for (const [ending, packedNames] of packed) {
    const unpack = unpackers[ending];
    if (unpack === undefined) continue;
    await run([...unpack, ...packedNames.map(name => join(folder, `${name}.ko.${ending}`))], { signal });
    for (const name of packedNames) bytes.set(name, await readFile(join(folder, `${name}.ko`)));
  }
  await rm(folder, { recursive: true, force: true });
  return [...bytes].map(([name, content]) => describe(name, files.get(name)?.path ?? '', content));
}

function describe(name: string, path: string, bytes: Buffer): Module {
  const says = modinfo(bytes);
  const needs = says.get('depends')?.[0] ?? '';
  return {
    name,
    path: path.replace(/(\.ko)\.\w+$/, '$1'),
    bytes,
    needs: needs === '' ? [] : needs.split(',').map(plain),
    aliases: says.get('alias') ?? [],
  };
}

/** The `.modinfo` section of a module: `key=value` strings, each with a zero at its end. */
function modinfo(elf: Buffer): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const section = sectionOf(elf, '.modinfo');
  if (section === undefined) return found;
  for (const line of section.toString('latin1').split('\0')) {
    const equals = line.indexOf('=');
    if (equals < 1) continue;
    const key = line.slice(0, equals);
    found.set(key, [...(found.get(key) ?? []), line.slice(equals + 1)]);
  }
  return found;
}

function sectionOf(elf: Buffer, wanted: string): Buffer | undefined {
  if (elf.length < 64 || elf.toString('latin1', 0, 5) !== '\x7fELF\x02') return undefined;
  const table = Number(elf.readBigUInt64LE(40));
  const size = elf.readUInt16LE(58);
  const count = elf.readUInt16LE(60);
  if (table + size * count > elf.length) return undefined;
  const bounds = (index: number): [number, number] => {
    const at = table + index * size;
    const start = Number(elf.readBigUInt64LE(at + 24));
    return [start, start + Number(elf.readBigUInt64LE(at + 32))];
  };
  const names = elf.subarray(...bounds(elf.readUInt16LE(62)));
  for (let index = 0; index < count; index += 1) {
    const at = elf.readUInt32LE(table + index * size);
    if (names.toString('latin1', at, names.indexOf(0, at)) === wanted) return elf.subarray(...bounds(index));
  }
  return undefined;
}

// Turns a tree into an ext4 file system in a qcow2 file: no privilege, no loop mount, every owner and attribute kept.
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { Run, RunOptions } from '../../core/ports.ts';
import { type Amendment, extract } from './extract.ts';
import { eachNode, type FolderNode, sizeOf } from './rootTree.ts';

export type DiskRequest = {
  readonly root: FolderNode;
  /** Does not exist yet. */
  readonly target: string;
  /** An empty folder for what is needed on the way. */
  readonly scratch: string;
  /** The file system's identity is made of it, so that it is the same for the same content. */
  readonly digest: string;
  readonly sizeMb: number | 'auto';
};

export type DiskDeps = { readonly run: Run; readonly signal: AbortSignal };

const MB = 1024 * 1024;
const BLOCK = 4096;
/** Space that programs inside find free; a sparse file takes none of it before it is used. */
const HEADROOM_MB = 8 * 1024;

export async function makeDisk(deps: DiskDeps, request: DiskRequest): Promise<void> {
  const { root, target, scratch } = request;
  const folder = join(scratch, 'root');
  const raw = join(scratch, 'root.ext4');
  await mkdir(folder, { mode: 0o700 });
  const amendments = await extract(root, folder, deps.signal);
  const size = sizeMb(root, request.sizeMb);
  await writeFile(raw, '', { mode: 0o600 });
  await truncate(raw, size * MB);
  await format(deps, { folder, raw, digest: request.digest });
  await amend(deps, raw, amendments, scratch);
  await rm(folder, { recursive: true, force: true });
  await tool(deps, ['qemu-img', 'convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, target]);
  await rm(raw, { force: true });
}

function sizeMb(root: FolderNode, asked: number | 'auto'): number {
  const needed = Math.ceil((contentBytes(root) * 1.05) / MB) + 64;
  if (asked === 'auto') return Math.ceil((needed + HEADROOM_MB) / 256) * 256;
  if (asked >= needed) return asked;
  return fail('usage', `the image needs a disk of at least ${needed} MB, and ${asked} were asked for`, {
    hint: 'give --size-mb auto, or a larger number',
  });
}

function contentBytes(root: FolderNode): number {
  let bytes = 0;
  const seen = new Set<unknown>();
  eachNode(root, (_path, node) => {
    if (seen.has(node)) return;
    seen.add(node);
    const size = node.kind === 'file' ? sizeOf(node.content) : node.kind === 'folder' ? BLOCK : 0;
    bytes += Math.ceil(size / BLOCK) * BLOCK + 256;
  });
  return bytes;
}

/** Options of newer versions of mke2fs come first; what an older one does not know is asked for without. */
async function format(
  deps: DiskDeps,
  { folder, raw, digest }: { folder: string; raw: string; digest: string },
): Promise<void> {
  const uuid = uuidOf(digest);
  const extended = [`hash_seed=${uuid}`, 'root_owner=0:0', 'nodiscard'];
  const attempt = (more: readonly string[], accept: readonly number[]): Promise<number> =>
    tool(
      deps,
      [
        'mke2fs',
        '-q',
        '-F',
        '-t',
        'ext4',
        '-b',
        String(BLOCK),
        '-m',
        '0',
        '-L',
        'root',
        '-U',
        uuid,
        '-O',
        '^metadata_csum,^uninit_bg,^orphan_file',
        '-J',
        // A smaller one has no room for what growing the file system takes at once.
        'size=32',
        '-E',
        [...extended, ...more].join(','),
        '-d',
        folder,
        raw,
      ],
      { accept },
    );
  if ((await attempt(['assume_storage_prezeroed=1'], [0, 1])) === 0) return;
  await attempt(['lazy_itable_init=0'], [0]);
}

function uuidOf(digest: string): string {
  const hex = digest.replace(/^sha256:/, '').slice(0, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** What a folder of this machine could not hold is written into the file system itself. */
async function amend(
  deps: DiskDeps,
  raw: string,
  amendments: readonly Amendment[],
  scratch: string,
): Promise<void> {
  if (amendments.length === 0) return;
  const script = join(scratch, 'amend');
  const lines: string[] = [];
  for (const [index, amendment] of amendments.entries()) {
    lines.push(...(await commandsFor(amendment, join(scratch, `value-${index}`))));
  }
  await writeFile(script, Buffer.from(`${lines.join('\n')}\n`, 'latin1'), { mode: 0o600 });
  const { stdout, stderr } = await deps.run(['debugfs', '-w', '-f', script, raw], {
    signal: deps.signal,
    env: toolEnvironment(),
  });
  const complaints = `${stdout}\n${stderr}`
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('debugfs') && !line.startsWith('Allocated inode'));
  const first = complaints[0];
  if (first !== undefined) fail('build-failed', `debugfs could not write an owner or attribute: ${first}`);
}

async function commandsFor(amendment: Amendment, valueFile: string): Promise<string[]> {
  const path = quoted(`/${amendment.path}`);
  if (amendment.kind === 'field') {
    return amendment.fields.map(([field, value]) => `set_inode_field ${path} ${field} ${value}`);
  }
  if (amendment.kind === 'xattr') {
    await writeFile(valueFile, amendment.value, { mode: 0o600 });
    return [`ea_set -f ${quoted(valueFile)} ${path} ${quoted(amendment.name)}`];
  }
  const cut = amendment.path.lastIndexOf('/');
  const parent = quoted(`/${amendment.path.slice(0, Math.max(cut, 0))}`);
  const type = { char: 'c', block: 'b', fifo: 'p' }[amendment.type];
  const numbers = amendment.type === 'fifo' ? '' : ` ${amendment.major} ${amendment.minor}`;
  return [`cd ${parent}`, `mknod ${quoted(amendment.path.slice(cut + 1))} ${type}${numbers}`, 'cd /'];
}

/** debugfs reads one command from a line, and knows double quotes, which are doubled inside. */
function quoted(path: string): string {
  if (/[\n\r]/.test(path)) {
    fail(
      'build-failed',
      `the name ${JSON.stringify(path)} has a line break, which cannot be given its owner`,
    );
  }
  return `"${path.replaceAll('"', '""')}"`;
}

async function tool(
  { run, signal }: DiskDeps,
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<number> {
  const result = await run(argv, { signal, env: toolEnvironment(), ...options });
  return result.code;
}

/** The tools of e2fsprogs are where only administrators look. */
export function toolEnvironment(): Record<string, string> {
  const path = process.env['PATH'] ?? '';
  return { PATH: `${path}:/usr/local/sbin:/usr/sbin:/sbin`, LC_ALL: 'C' };
}

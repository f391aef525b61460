// A disk like those that vendors publish for clouds: boots by itself, configures itself with cloud-init, lets nobody in.
import { chmodSync, mkdirSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { bytesOf } from '../../server/images/build/content.ts';
import { distributionOf, sourceLines } from '../../server/images/build/distributions.ts';
import { makeDisk } from '../../server/images/build/ext4.ts';
import { lockAccounts, removeCaches, removeIdentity } from '../../server/images/build/hygiene.ts';
import { installPackages } from '../../server/images/build/mmdebstrap.ts';
import { type FolderNode, fileOf, find, put, resolve } from '../../server/images/build/rootTree.ts';
import { readTar } from '../../server/images/build/tarRead.ts';
import { allowedEnvironment } from '../../server/platform/environment.ts';
import { run } from '../../server/platform/run.ts';
import { command, which } from './command.ts';
import { hashOf } from './hash.ts';
import { dropUnused, isKept } from './kept.ts';
import { cache, root as tree } from './places.ts';
import { Stop, say } from './say.ts';

/** What Debian's own images for clouds have, as far as a boot can tell. */
const packages = [
  ...['cloud-guest-utils', 'cloud-init', 'dbus', 'e2fsprogs', 'fdisk', 'iproute2', 'initramfs-tools'],
  ...['libpam-systemd', 'linux-image-amd64', 'netbase', 'netplan.io', 'openssh-server', 'procps'],
  ...['sudo', 'systemd-resolved', 'systemd-sysv', 'udev', 'zstd'],
];

const programs = ['mmdebstrap', 'mke2fs', 'debugfs', 'qemu-img', 'mkfs.vfat', 'mcopy', 'syslinux', 'sfdisk'];
const MBR = '/usr/lib/syslinux/mbr/mbr.bin';

/** What decides about the content. */
const inputs = [
  'scripts/lib/vendorDisk.ts',
  ...['distributions', 'ext4', 'hygiene', 'mmdebstrap'].map(name => `server/images/build/${name}.ts`),
];

/** The qcow2 file, made when it is not there yet. */
export async function ensureVendorDisk(folder = cache): Promise<string> {
  const key = hashOf(tree, inputs).slice(0, 16);
  const ready = join(folder, 'vendor-disk', `${key}.qcow2`);
  if (isKept(ready)) return ready;
  const missing = programs.find(program => which(program) === undefined);
  if (missing !== undefined)
    throw new Stop(`a disk as vendors make it needs ${missing}, which is not installed`);
  say('making a disk as vendors make it (once, about two minutes)');
  const making = `${ready}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true, mode: 0o700 });
  try {
    renameSync(await makeVendorDisk(making), ready);
  } catch (error) {
    throw new Stop(`the disk cannot be made: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  dropUnused(ready);
  return ready;
}

/** A copy for a user who may not read what is root's. */
export async function copyVendorDisk(disk: string, folder: string, uid: number): Promise<void> {
  const target = join(folder, 'vendor-disk', basename(disk));
  if (isKept(target)) return;
  mkdirSync(join(target, '..'), { recursive: true, mode: 0o700 });
  await command(['cp', '--reflink=auto', disk, `${target}.new`]);
  renameSync(`${target}.new`, target);
  dropUnused(target);
  await command(['chown', '--recursive', `${uid}:${uid}`, join(target, '..')]);
}

async function makeVendorDisk(folder: string): Promise<string> {
  const signal = new AbortController().signal;
  const root = await makeRoot(folder, signal);
  const [system, boot, scratch] = [join(folder, 'system'), join(folder, 'boot.fat'), join(folder, 'scratch')];
  await makeBoot(root, folder, boot);
  mkdirSync(scratch);
  await makeDisk(
    { run, signal },
    {
      root,
      target: `${system}.qcow2`,
      scratch,
      digest: '7e4d0a1b2c3d4e5f60718293a4b5c6d7',
      sizeMb: SYSTEM_MB,
    },
  );
  await command(['qemu-img', 'convert', '-O', 'raw', `${system}.qcow2`, `${system}.raw`]);
  const disk = join(folder, 'disk.raw');
  await writeFile(disk, '');
  truncateSync(disk, (1 + BOOT_MB + SYSTEM_MB + 1) * MB);
  const table = [
    'label: dos',
    `start=${SECTORS},size=${BOOT_MB * SECTORS},type=c,bootable`,
    `start=${(1 + BOOT_MB) * SECTORS},size=${SYSTEM_MB * SECTORS},type=83`,
  ];
  await command(['sfdisk', '--quiet', disk], { input: `${table.join('\n')}\n` });
  const write = (from: string, ...words: string[]) =>
    command(['dd', `if=${from}`, `of=${disk}`, 'conv=notrunc,sparse', 'status=none', ...words]);
  await write(MBR, 'bs=440', 'count=1');
  await write(boot, 'bs=1M', 'seek=1');
  await write(`${system}.raw`, 'bs=1M', `seek=${1 + BOOT_MB}`);
  const target = join(folder, 'disk.qcow2');
  await command(['qemu-img', 'convert', '-O', 'qcow2', disk, target]);
  chmodSync(target, 0o444);
  return target;
}

const MB = 1024 * 1024;
const SECTORS = MB / 512;
const BOOT_MB = 96;
const SYSTEM_MB = 2048;

async function makeRoot(folder: string, signal: AbortSignal): Promise<FolderNode> {
  const distribution = distributionOf('debian:12');
  const sources = await sourceLines(distribution, { mirrors: {} });
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  const env = { ...allowedEnvironment(process.env), PATH: path };
  const tar = await installPackages(
    { run, signal, env, progress: () => {} },
    { distribution, sources, options: [], include: packages, folder },
  );
  const root = readTar(tar);
  await lockAccounts(root);
  removeIdentity(root);
  removeCaches(root);
  put(root, 'etc/hostname', fileOf('localhost\n'));
  put(root, 'etc/fstab', fileOf('LABEL=root / ext4 rw,discard,errors=remount-ro 0 1\n'));
  return root;
}

/** The partition that the firmware starts from. */
async function makeBoot(root: FolderNode, folder: string, image: string): Promise<void> {
  const names = [...(folderAt(root, 'boot')?.children.keys() ?? [])];
  const words = 'root=LABEL=root ro console=tty0 console=ttyS0,115200 earlyprintk=ttyS0,115200';
  const config = ['DEFAULT linux', 'LABEL linux', 'KERNEL /vmlinuz', 'INITRD /initrd', `APPEND ${words}`];
  await writeFile(join(folder, 'syslinux.cfg'), `${config.join('\n')}\n`);
  for (const [prefix, target] of [
    ['vmlinuz-', 'vmlinuz'],
    ['initrd.img-', 'initrd'],
  ] as const) {
    const name = names.find(candidate => candidate.startsWith(prefix));
    const file = name === undefined ? undefined : find(root, `boot/${name}`);
    if (file?.kind !== 'file') throw new Stop(`the installed system has no ${target}`);
    await writeFile(join(folder, target), await bytesOf(file.content));
  }
  await writeFile(image, '');
  truncateSync(image, BOOT_MB * MB);
  await command(['mkfs.vfat', '-F', '32', '-n', 'BOOT', image]);
  const parts = ['vmlinuz', 'initrd', 'syslinux.cfg'].map(name => join(folder, name));
  await command(['mcopy', '-i', image, ...parts, '::']);
  await command(['syslinux', '--install', image]);
}

function folderAt(root: FolderNode, path: string): FolderNode | undefined {
  const found = resolve(root, path);
  return found?.kind === 'folder' ? found : undefined;
}

// Gives an image what a virtual machine boots: disk, kernel and initial ramdisk, made once and kept by digest.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { ImageFile, ImageManifest } from '../../protocol/image.ts';
import { withLock } from '../../store/lock.ts';
import { putBlob } from '../blobs.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import { blobPath, digestFile } from '../layout.ts';
import { listManifests, readDerived, writeDerived } from '../manifest.ts';
import { verifyBlob } from '../verify.ts';
import { makeDisk } from './ext4.ts';
import { makeInitrd } from './initrd.ts';
import { addKernel, kernelOf, type OwnKernel } from './kernelFiles.ts';
import { bootModules, chooseModules } from './modules.ts';
import { type FolderNode, find, metaOf, put } from './rootTree.ts';
import { withScratch } from './scratch.ts';
import { readTar } from './tarRead.ts';
import { unpackKernel } from './vmlinux.ts';

export type DiskWish = {
  readonly image: ImageManifest;
  /** The guest program, which becomes the first process. */
  readonly agent: string;
  /** Of the disk; as much as the image needs and much free space when it is left out. */
  readonly sizeMb?: number | undefined;
};

/** Raised whenever the same input gives another disk or ramdisk. */
const FORMAT = 2;
/** The disk for whoever asks for no size: the one that was made last. */
const DEFAULT_DISK = `disk-${FORMAT}`;

/** The image with its own files and those that a machine boots from. */
export async function ensureDisk(deps: ImageDeps, wish: DiskWish, call: ImageCall): Promise<ImageManifest> {
  const { image } = wish;
  const program = await readFile(wish.agent);
  const known = await knownFiles(deps, wish, program);
  if (known.initrd !== undefined) return withFiles(image, [...known.disk, known.initrd]);
  // Two that need the same disk at once make it once.
  const lock = `image-${digestFile(image.digest)}`;
  return withLock(deps.paths, lock, { wait: 'wait', signal: call.signal }, async () => {
    const found = await knownFiles(deps, wish, program);
    if (found.initrd !== undefined) return withFiles(image, [...found.disk, found.initrd]);
    return withFiles(image, await makeMissing(deps, { ...wish, program, found }, call));
  });
}

type Found =
  | { readonly disk: readonly ImageFile[]; readonly initrd: ImageFile | undefined }
  | { readonly disk: undefined; readonly initrd: undefined };

/** A part that was damaged or removed since counts as not there, and is made again. */
async function knownFiles(deps: ImageDeps, { image, sizeMb }: DiskWish, program: Buffer): Promise<Found> {
  const disk = await intact(deps, image, diskKey(sizeMb));
  const kernel = disk?.find(({ role }) => role === 'kernel');
  if (disk === undefined || kernel === undefined) return { disk: undefined, initrd: undefined };
  const [initrd] = (await intact(deps, image, ramdiskKey(program, kernel))) ?? [];
  return { disk, initrd };
}

async function intact(
  deps: ImageDeps,
  image: ImageManifest,
  key: string,
): Promise<readonly ImageFile[] | undefined> {
  const files = await readDerived(deps.paths, image.digest, key);
  for (const { digest } of files ?? []) {
    if ((await verifyBlob(deps.paths, digest, 'quick')).kind !== 'intact') return undefined;
  }
  return files;
}

function diskKey(sizeMb: number | undefined): string {
  return sizeMb === undefined ? DEFAULT_DISK : `${DEFAULT_DISK}-${sizeMb}`;
}

/** Modules fit one kernel alone. */
function ramdiskKey(program: Buffer, kernel: ImageFile): string {
  const inputs = createHash('sha256').update(program).update(kernel.digest).digest('hex');
  return `initrd-${FORMAT}-${inputs.slice(0, 16)}`;
}

function withFiles(image: ImageManifest, files: readonly ImageFile[]): ImageManifest {
  return { ...image, files: [...image.files, ...files] };
}

type Making = DiskWish & { readonly program: Buffer; readonly found: Found };

async function makeMissing(deps: ImageDeps, making: Making, call: ImageCall): Promise<readonly ImageFile[]> {
  const { image, program, found } = making;
  return withScratch(deps.paths, 'disk', async scratch => {
    call.progress({ phase: 'reading the image' });
    const root = readTar(rootfsOf(deps, image));
    const kernel = await kernelFor(deps, root, { image, scratch, call });
    const context: Context = { deps, call, scratch };
    const unpacked = await keepKernel(context, kernel);
    // A base that lends its kernel may have got a newer one since.
    const fits = found.disk?.some(({ digest }) => digest === unpacked.digest) === true;
    const disk =
      fits && found.disk !== undefined ? found.disk : [await makeBootDisk(context, making, root), unpacked];
    const initrd = await makeRamdisk(context, program, kernel);
    await writeDerived(deps.paths, { digest: image.digest, key: ramdiskKey(program, unpacked) }, [initrd]);
    for (const key of fits ? [] : new Set([diskKey(making.sizeMb), DEFAULT_DISK])) {
      await writeDerived(deps.paths, { digest: image.digest, key }, disk);
    }
    return [...disk, initrd];
  });
}

type Context = { readonly deps: ImageDeps; readonly call: ImageCall; readonly scratch: string };

function rootfsOf(deps: ImageDeps, image: ImageManifest): string {
  const file = image.files.find(({ role }) => role === 'rootfs');
  if (file !== undefined) return blobPath(deps.paths, file.digest);
  return fail('unsupported', `the image ${image.name} has no root file system to make a disk from`);
}

/** Its own, else that of the base that was made last; the modules come along into the disk. */
async function kernelFor(
  deps: ImageDeps,
  root: FolderNode,
  { image, scratch, call }: { image: ImageManifest; scratch: string; call: ImageCall },
): Promise<OwnKernel> {
  const own = await kernelOf(root);
  if (own !== undefined) return own;
  const { images } = await listManifests(deps.paths);
  const donors = images
    .filter(
      ({ arch, source, digest }) =>
        arch === image.arch && source.kind === 'bootstrap' && digest !== image.digest,
    )
    .sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  for (const donor of donors) {
    const kernel = await kernelOf(readTar(rootfsOf(deps, donor)));
    if (kernel === undefined) continue;
    await addKernel({ run: deps.run, signal: call.signal, scratch }, root, kernel);
    return kernel;
  }
  return fail(
    'image-not-found',
    `the image ${image.name} has no kernel, and there is no base to take one from`,
    {
      hint: 'make a base first: heyvm images bootstrap debian:12',
    },
  );
}

async function makeRamdisk(
  { deps, call, scratch }: Context,
  program: Buffer,
  kernel: OwnKernel,
): Promise<ImageFile> {
  const work = { run: deps.run, signal: call.signal, scratch };
  const initrd = makeInitrd(program, await chooseModules(work, kernel.modules, bootModules));
  return keep(deps, { role: 'initrd', format: 'cpio' }, { scratch, bytes: initrd });
}

async function keepKernel({ deps, call, scratch }: Context, kernel: OwnKernel): Promise<ImageFile> {
  const log = (detail: string): void => call.progress({ phase: 'unpacking the kernel', detail });
  const unpacked = await unpackKernel({ run: deps.run, signal: call.signal, log }, kernel.image, scratch);
  return keep(deps, { role: 'kernel', format: unpacked.format }, { scratch, bytes: unpacked.bytes });
}

async function makeBootDisk(
  { deps, call, scratch }: Context,
  { image, sizeMb }: Making,
  root: FolderNode,
): Promise<ImageFile> {
  call.progress({ phase: 'making the disk' });
  for (const path of mountPoints) addFolder(root, path);
  const target = join(scratch, 'disk.qcow2');
  const work = { run: deps.run, signal: call.signal };
  await makeDisk(work, { root, target, scratch, digest: image.digest, sizeMb: sizeMb ?? 'auto' });
  const { digest, bytes } = await putBlob(deps.paths, target, { take: 'move', signal: call.signal });
  return { role: 'disk', format: 'qcow2', digest, bytes };
}

const mountPoints = ['proc', 'sys', 'dev', 'run', 'tmp', 'workspace'];

function addFolder(root: FolderNode, path: string): void {
  if (find(root, path) !== undefined) return;
  put(root, path, { kind: 'folder', meta: metaOf(path === 'tmp' ? 0o1777 : 0o755), children: new Map() });
}

async function keep(
  deps: ImageDeps,
  kind: Pick<ImageFile, 'role' | 'format'>,
  { scratch, bytes }: { scratch: string; bytes: Buffer },
): Promise<ImageFile> {
  const path = join(scratch, kind.role);
  await writeFile(path, bytes, { mode: 0o600 });
  const blob = await putBlob(deps.paths, path, { take: 'move' });
  return { ...kind, digest: blob.digest, bytes: blob.bytes };
}

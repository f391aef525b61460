// Takes a file of this machine into the store: a root file system, a disk, a container image in an archive, or WebAssembly.
import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { fail } from '../core/errors.ts';
import type { ImageFile, ImageManifest } from '../protocol/image.ts';
import { addModule, moduleKind } from './addModule.ts';
import { type ContainerImage, isContainerArchive, readContainerArchive } from './archive.ts';
import { incomingPath, putBlob } from './blobs.ts';
import { factsOf } from './build/rootFacts.ts';
import { type FolderNode, resolve } from './build/rootTree.ts';
import { readTar } from './build/tarRead.ts';
import { writeTar } from './build/tarWrite.ts';
import type { ImageCall, ImageDeps } from './deps.ts';
import { archOf } from './elf.ts';
import { writeManifest } from './manifest.ts';
import { inspectDisk } from './qcow2.ts';
import { requireFile } from './requireFile.ts';
import { headOf, unpacked } from './unpack.ts';

export type Addition = {
  readonly path: string;
  readonly name: string;
  /** For a disk that does not boot by itself. */
  readonly kernel?: string | undefined;
  readonly initrd?: string | undefined;
};

export async function addImage(deps: ImageDeps, asked: Addition, call: ImageCall): Promise<ImageManifest> {
  await requireFile(asked.path);
  if (asked.kernel === undefined && (await moduleKind(asked.path)) !== undefined) {
    return addModule(deps, asked, call);
  }
  const plain = await unpacked(deps.paths, asked.path, call);
  try {
    return (await isTar(plain))
      ? await addTar(deps, { asked, plain }, call)
      : await addDisk(deps, { asked, plain }, call);
  } finally {
    if (plain !== asked.path) await rm(plain, { force: true });
  }
}

type Source = { readonly asked: Addition /** The file without its compression. */; readonly plain: string };

async function addTar(deps: ImageDeps, { asked, plain }: Source, call: ImageCall): Promise<ImageManifest> {
  if (asked.kernel !== undefined || asked.initrd !== undefined) {
    fail('usage', 'a kernel and an initrd go with a disk, and this is an archive', {
      hint: 'leave them out: the kernel comes from the image or from the base of its distribution',
    });
  }
  call.progress({ phase: 'reading the archive' });
  const tree = readTar(plain);
  if (isContainerArchive(tree)) {
    const image = await readContainerArchive(deps.paths, tree, call);
    try {
      return await register(deps, { asked, image }, call);
    } finally {
      await Promise.all(image.scratch.map(path => rm(path, { force: true })));
    }
  }
  requireRoot(tree, asked.path);
  const arch = (await archOf(tree)) ?? (process.arch === 'arm64' ? 'arm64' : 'x64');
  const config = { env: {}, entrypoint: [], cmd: [] };
  return register(deps, { asked, image: { root: tree, arch, config } }, call);
}

type Found = { readonly asked: Addition; readonly image: Omit<ContainerImage, 'scratch'> };

/** Written anew, so that the same content has the same digest, however its archive was made. */
async function register(deps: ImageDeps, { asked, image }: Found, call: ImageCall): Promise<ImageManifest> {
  const facts = await factsOf(image.root);
  call.progress({ phase: 'writing the root file system' });
  const draft = await incomingPath(deps.paths, 'rootfs');
  try {
    const { digest } = await writeTar(image.root, draft, call.signal);
    const blob = await putBlob(deps.paths, draft, { take: 'move', digest });
    return await writeManifest(deps.paths, {
      ...common(asked),
      ...facts,
      arch: image.arch,
      init: 'heyvm',
      config: image.config,
      files: [{ role: 'rootfs', format: 'tar', digest: blob.digest, bytes: blob.bytes }],
    });
  } finally {
    await rm(draft, { force: true });
  }
}

async function addDisk(deps: ImageDeps, { asked, plain }: Source, call: ImageCall): Promise<ImageManifest> {
  const { kernel, initrd } = asked;
  if ((kernel === undefined) !== (initrd === undefined)) {
    fail('usage', 'a kernel and an initrd go together', {
      hint: 'give both, or none for a disk that boots by itself',
    });
  }
  const format = await inspectDisk(plain);
  const files: ImageFile[] = [await fileFrom(deps, { role: 'disk', format, path: plain }, call)];
  if (kernel !== undefined && initrd !== undefined) {
    for (const path of [kernel, initrd]) await requireFile(path);
    files.push(
      await fileFrom(deps, { role: 'kernel', format: await kernelFormat(kernel), path: kernel }, call),
    );
    files.push(await fileFrom(deps, { role: 'initrd', format: 'cpio', path: initrd }, call));
  }
  return writeManifest(deps.paths, {
    ...common(asked),
    os: { id: 'unknown', version: 'unknown', libc: 'glibc' },
    runtimes: ['shell'],
    arch: process.arch === 'arm64' ? 'arm64' : 'x64',
    init: kernel === undefined ? 'cloud-init' : 'heyvm',
    config: { env: {}, entrypoint: [], cmd: [] },
    files,
  });
}

type Wanted = Pick<ImageFile, 'role' | 'format'> & { readonly path: string };

async function fileFrom(
  deps: ImageDeps,
  { role, format, path }: Wanted,
  call: ImageCall,
): Promise<ImageFile> {
  const { digest, bytes } = await putBlob(deps.paths, path, { take: 'copy', ...call });
  return { role, format, digest, bytes };
}

function common({ name, path }: Addition): Pick<ImageManifest, 'version' | 'name' | 'source' | 'created_at'> {
  return { version: 1, name, source: { kind: 'file', from: path }, created_at: new Date().toISOString() };
}

/** By the mark of its first header; the oldest form without one is not read. */
async function isTar(path: string): Promise<boolean> {
  return (await headOf(path, 263)).toString('latin1', 257, 262) === 'ustar';
}

async function kernelFormat(path: string): Promise<'elf' | 'bzimage'> {
  const head = await headOf(path, 0x206);
  if (head.toString('latin1', 1, 4) === 'ELF') return 'elf';
  if (head.toString('latin1', 0x202, 0x206) === 'HdrS') return 'bzimage';
  return fail('image-broken', `${basename(path)} is no Linux kernel`, {
    hint: 'give a vmlinuz or an uncompressed vmlinux',
  });
}

function requireRoot(tree: FolderNode, path: string): void {
  if (resolve(tree, 'bin/sh') !== undefined || resolve(tree, 'sbin/init') !== undefined) return;
  fail('image-broken', `${path} holds no root file system: there is no bin/sh in it`, {
    hint: `its first names are ${[...tree.children.keys()].slice(0, 5).join(', ') || 'none'}; pack the root folder itself: tar -C <folder> -cf root.tar .`,
  });
}

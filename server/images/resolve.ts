// Finds what a sandbox runs from: in the store, in a file, as a base that is fetched, or as a reference for its backend.
import { isAbsolute } from 'node:path';
import { fail, SandboxError } from '../core/errors.ts';
import type { ResolvedImage } from '../core/image.ts';
import { nearest } from '../core/nearest.ts';
import type { ImageKind } from '../protocol/backend.ts';
import type { ImageManifest } from '../protocol/image.ts';
import { findBase, knownBases } from './bases.ts';
import type { ImageCall, ImageDeps } from './deps.ts';
import { blobPath } from './layout.ts';
import { listManifests, readByDigest, readManifest } from './manifest.ts';
import { type Condition, verifyBlob } from './verify.ts';

export type ImageWish = {
  readonly name: string;
  /** What the name meant when the sandbox was made; absent for a new one. */
  readonly digest?: string | undefined;
  /** What the backend runs, the best first. */
  readonly kinds: readonly ImageKind[];
  /** The guest program, which becomes part of the disk form. */
  readonly agent: string;
};

/** Every file of a stored image was looked at: by size, time of change and samples, in full where those do not fit. */
export async function resolveImage(
  deps: ImageDeps,
  wish: ImageWish,
  call: ImageCall,
): Promise<ResolvedImage> {
  if (wish.digest === undefined && isAbsolute(wish.name)) return fromFile(deps, wish, call);
  const stored = await findStored(deps, wish);
  if (stored === undefined) return absent(deps, wish, call);
  const { kinds, name } = wish;
  const rootfs = stored.files.some(file => file.role === 'rootfs');
  // The same name may stand for a disk here and for something else in a registry.
  if (
    !rootfs &&
    !kindsOf(stored).some(kind => kinds.includes(kind)) &&
    isReference(kinds) &&
    wish.digest === undefined
  )
    return { kind: 'reference', name };
  refuseMisfit(stored, kinds);
  await requireIntact(deps, stored, call);
  if (!kinds.includes('disk') || hasDisk(stored)) return storedImage(deps, stored);
  const { ensureDisk } = await import('./build/ensureDisk.ts');
  const bootable = await ensureDisk(deps, { image: stored, agent: wish.agent }, call);
  await requireIntact(deps, bootable, call);
  return storedImage(deps, bootable);
}

/** A module straight from its file, which is taken into the store without a name. */
async function fromFile(
  deps: ImageDeps,
  { name, kinds }: ImageWish,
  call: ImageCall,
): Promise<ResolvedImage> {
  if (!kinds.some(kind => wasmKinds.includes(kind))) {
    return fail('unsupported', `${name} is a file, and this backend runs images by their names`, {
      hint: `take it into the store first: heyvm images add ${name} <name>`,
    });
  }
  const { addModule } = await import('./addModule.ts');
  const image = await addModule(deps, { path: name }, call);
  refuseMisfit(image, kinds);
  return storedImage(deps, image);
}

/** A name that is not here may still mean something to whoever fetches images by itself. */
export function isReference(kinds: readonly ImageKind[]): boolean {
  return kinds.includes('oci') || kinds.includes('wasm-package');
}

/** Which kinds an image can be given as; a disk of its own cannot be unpacked for containers. */
export function kindsOf(image: ImageManifest): readonly ImageKind[] {
  const program = image.files.find(file => file.role === 'program');
  if (program !== undefined) return wasmKinds.filter(kind => kind === program.format);
  const rootfs = image.files.some(file => file.role === 'rootfs');
  if (rootfs) return ['folder', 'oci', 'disk'];
  return hasDisk(image) ? ['disk'] : [];
}

const wasmKinds: readonly ImageKind[] = ['wasm-core', 'wasm-component', 'wasm-package'];

function hasDisk(image: ImageManifest): boolean {
  return image.files.some(file => file.role === 'disk');
}

async function findStored(deps: ImageDeps, { name, digest }: ImageWish): Promise<ImageManifest | undefined> {
  if (digest === undefined) return readManifest(deps.paths, name);
  const pinned = await readByDigest(deps.paths, digest);
  if (pinned !== undefined) return pinned;
  return fail(
    'image-not-found',
    `the image that ${name} was when this sandbox was made is gone (${digest})`,
    {
      hint: 'make a new sandbox; images that sandboxes need are only removed by hand',
    },
  );
}

async function absent(deps: ImageDeps, wish: ImageWish, call: ImageCall): Promise<ResolvedImage> {
  const { name, kinds } = wish;
  if (isReference(kinds)) return { kind: 'reference', name };
  if (kinds.includes('disk') && findBase(deps.settings(), name) !== undefined) {
    const { pullBase } = await import('./pull.ts');
    const { image } = await pullBase(deps, name, call).catch((error: unknown) =>
      withOthers(deps, wish, error),
    );
    return storedImage(deps, image);
  }
  return refuseUnknown(deps, name);
}

/** Whoever cannot download may have something else to run from, perhaps without knowing. */
async function withOthers(deps: ImageDeps, { kinds }: ImageWish, error: unknown): Promise<never> {
  const { images } = await listManifests(deps.paths);
  const [other] = images.filter(image => kindsOf(image).some(kind => kinds.includes(kind)));
  if (!(error instanceof SandboxError) || error.code === 'cancelled' || other === undefined) throw error;
  const already = error.hint === undefined ? '' : `${error.hint}; `;
  throw new SandboxError(error.code, error.message, {
    hint: `${already}or use an image that is here: --image ${other.name}`,
    data: error.data,
    cause: error,
  });
}

async function refuseUnknown(deps: ImageDeps, name: string): Promise<never> {
  const { images } = await listManifests(deps.paths);
  const bases = knownBases(deps.settings());
  const known = [...images.map(image => image.name), ...bases];
  const [meant] = nearest(name, known);
  const suggestion = meant === undefined ? '' : `did you mean ${meant}? `;
  return fail('image-not-found', `there is no image ${name}`, {
    hint: `${suggestion}known here: ${known.join(', ')}; make one with heyvm images build --name ${name}, or take a disk with heyvm images add <file> ${name}`,
    data: { asked: name, known },
  });
}

function refuseMisfit(image: ImageManifest, kinds: readonly ImageKind[]): void {
  if (image.arch !== 'any' && image.arch !== process.arch) {
    fail('unsupported', `the image ${image.name} is for ${image.arch}, and this machine is ${process.arch}`, {
      hint: `make it for this machine, or choose another: heyvm images list`,
    });
  }
  if (kindsOf(image).some(kind => kinds.includes(kind))) return;
  const [what, who] = misfits[kindsOf(image)[0] ?? 'disk'];
  fail('unsupported', `the image ${image.name} is ${what}, which this backend does not run`, {
    hint: `choose a backend ${who}, or another image: heyvm images list`,
  });
}

const rootFs = ['a root file system', 'with containers or machines'] as const;

const misfits: Readonly<Record<ImageKind, readonly [what: string, who: string]>> = {
  folder: rootFs,
  oci: rootFs,
  disk: ['a disk', 'with full machines'],
  'wasm-core': ['a core module of WebAssembly', 'for such modules'],
  'wasm-component': ['a component of WebAssembly', 'for components'],
  'wasm-package': ['a package of WebAssembly', 'for such packages'],
};

async function requireIntact(deps: ImageDeps, image: ImageManifest, call: ImageCall): Promise<void> {
  for (const { role, digest } of image.files) {
    const found = await verifyBlob(deps.paths, digest, 'quick', call.signal);
    if (found.kind !== 'intact') refuseBroken(deps, image, { role, digest, found });
  }
}

type Fault = {
  readonly role: string;
  readonly digest: string;
  readonly found: Exclude<Condition, { kind: 'intact' }>;
};

function refuseBroken(deps: ImageDeps, image: ImageManifest, { role, digest, found }: Fault): never {
  const path = blobPath(deps.paths, digest);
  const why = found.kind === 'missing' ? 'it is missing' : found.why;
  fail('image-broken', `the ${role} of image ${image.name} (${path}) is broken: ${why}`, {
    hint: mendOf(image),
    data: { image: image.name, role, path, digest },
  });
}

function mendOf({ source, name }: ImageManifest): string {
  const again: Readonly<Record<ImageManifest['source']['kind'], string>> = {
    bootstrap: `heyvm images bootstrap ${source.from} --name ${name}`,
    build: `heyvm images build --file ${source.from} --name ${name}`,
    download: `heyvm images pull ${name}`,
    file: `heyvm images add ${source.from} ${name}`,
  };
  return `make it again with the same content: ${again[source.kind]}`;
}

function storedImage({ paths }: ImageDeps, manifest: ImageManifest): ResolvedImage {
  return {
    kind: 'stored',
    name: manifest.name,
    manifest,
    file: role => {
      const found = manifest.files.find(file => file.role === role);
      return found === undefined ? undefined : blobPath(paths, found.digest);
    },
  };
}

// Builds an image from a Dockerfile with whatever builder is there; unchanged input gives the image that exists.
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fail } from '../../core/errors.ts';
import { isAbsence } from '../../platform/files.ts';
import type { ImageManifest } from '../../protocol/image.ts';
import { putBlob } from '../blobs.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import { digestOfManifest, listManifests, markBooted, readManifest, writeManifest } from '../manifest.ts';
import { verifyBlob } from '../verify.ts';
import type { Builder, Built, FindBuilder } from './builder.ts';
import { type Context, readContext } from './contextFiles.ts';
import { basesOf } from './dockerfile.ts';
import type { Written } from './hashedFile.ts';
import { lockAccounts, removeIdentity } from './hygiene.ts';
import { factsOf } from './rootFacts.ts';
import type { FolderNode } from './rootTree.ts';
import { withScratch } from './scratch.ts';
import { isFinal } from './tarDraft.ts';
import { writeTar } from './tarWrite.ts';

export type BuildRequest = {
  readonly file: string;
  readonly context: string;
  readonly name: string;
  readonly arguments?: Readonly<Record<string, string>> | undefined;
  readonly target?: string | undefined;
  /** The engine to build with, where a builder needs one; else it is looked for. */
  readonly connect?: string | undefined;
  /** Makes what a machine boots as well, and boots it once; an image that does not boot gets no name. */
  readonly disk?: { readonly agent: string; readonly sizeMb?: number | undefined } | undefined;
};

export type BuildOutcome = {
  readonly image: ImageManifest;
  /** Nothing that goes into it changed, and it is there. */
  readonly cached: boolean;
};

/** Raised whenever the same input gives another image. */
const FORMAT = 1;

export async function buildImage(
  deps: ImageDeps,
  request: BuildRequest,
  call: ImageCall,
): Promise<BuildOutcome> {
  const input = await readInput(deps, request, call);
  const found = await findBuilt(deps, request, input.key);
  if (found !== undefined) return { image: await checkedAgain(deps, request, { found, call }), cached: true };
  const builder = await chooseBuilder(deps, call, request.connect);
  call.progress({ phase: 'building', detail: `with ${builder.name}` });
  const image = await withScratch(deps.paths, 'build', async scratch => {
    const { dockerfile, context, bases } = input;
    const asked = { arguments: request.arguments ?? {}, target: request.target };
    const folder = resolve(request.context);
    const built = await builder.build({ dockerfile, context, folder, ...asked, bases, scratch }, call);
    try {
      return await keep(deps, { request, built, key: input.key, scratch }, call);
    } finally {
      await Promise.all(built.files.map(path => rm(path, { force: true })));
    }
  });
  return { image, cached: false };
}

type Input = {
  readonly dockerfile: string;
  readonly context: Context;
  readonly bases: ReadonlyMap<string, ImageManifest>;
  readonly key: string;
};

async function readInput(deps: ImageDeps, request: BuildRequest, { signal }: ImageCall): Promise<Input> {
  const dockerfile = await readDockerfile(request.file);
  const args = request.arguments ?? {};
  const cache = join(deps.paths.cache, 'build');
  const context = await readContext({ folder: resolve(request.context), file: request.file, cache }, signal);
  const names = basesOf(dockerfile, args);
  const bases = new Map<string, ImageManifest>();
  for (const name of names) {
    const stored = await readStored(deps, name);
    if (stored !== undefined) bases.set(name, stored);
  }
  const hash = createHash('sha256');
  const parts = {
    format: FORMAT,
    arch: process.arch,
    dockerfile,
    context: context.digest,
    arguments: Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1)),
    bases: names.map(name => [name, bases.get(name)?.digest ?? 'elsewhere']),
    ...(request.target === undefined ? {} : { target: request.target }),
  };
  return { dockerfile, context, bases, key: `sha256:${hash.update(JSON.stringify(parts)).digest('hex')}` };
}

async function readDockerfile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (!isAbsence(error)) throw error;
    return fail('path-not-found', `there is no Dockerfile ${path}`, { hint: 'give its path with --file' });
  }
}

/** A name in a Dockerfile may be one that no image of ours can have, and one with no root file system is none to build on. */
async function readStored(deps: ImageDeps, name: string): Promise<ImageManifest | undefined> {
  const image = await readManifest(deps.paths, name);
  return image?.files.some(({ role }) => role === 'rootfs') === true ? image : undefined;
}

/** Under its own name, or under another that was built from the same; damaged files are built again. */
async function findBuilt(
  deps: ImageDeps,
  { name, file }: BuildRequest,
  key: string,
): Promise<ImageManifest | undefined> {
  const isSame = ({ source }: ImageManifest): boolean => source.kind === 'build' && source.inputs === key;
  const own = await readManifest(deps.paths, name);
  if (own !== undefined && own.name === name && isSame(own) && (await isWhole(deps, own))) return own;
  const { images } = await listManifests(deps.paths);
  for (const other of images.filter(isSame)) {
    if (!(await isWhole(deps, other))) continue;
    const { digest: _digest, booted_at: _booted, ...rest } = other;
    const source = { ...other.source, from: resolve(file) };
    return writeManifest(deps.paths, { ...rest, name, source, created_at: new Date().toISOString() });
  }
  return undefined;
}

export async function isWhole(deps: ImageDeps, image: ImageManifest): Promise<boolean> {
  for (const { digest } of image.files) {
    if ((await verifyBlob(deps.paths, digest, 'quick')).kind !== 'intact') return false;
  }
  return true;
}

/** In the order of what they can do; each is loaded only when the one before it cannot work here. */
const finders: readonly (readonly [string, () => Promise<FindBuilder>])[] = [
  ['buildx', async () => (await import('./buildxBuilder.ts')).findBuildx],
  ['a container engine', async () => (await import('./engineBuilder.ts')).findEngineBuilder],
  ['buildah', async () => (await import('./buildahBuilder.ts')).findBuildah],
];

async function chooseBuilder(
  deps: ImageDeps,
  call: ImageCall,
  connect: string | undefined,
): Promise<Builder> {
  const reasons: string[] = [];
  for (const [name, load] of finders) {
    const find = await load();
    const found = await find(deps, call, connect);
    if ('build' in found) return found;
    reasons.push(`${name}: ${found.absent}`);
  }
  return fail('build-failed', `nothing here can build a Dockerfile (${reasons.join('; ')})`, {
    hint: 'install buildah, or start docker or podman',
  });
}

type Keeping = {
  readonly request: BuildRequest;
  readonly built: Built;
  readonly key: string;
  readonly scratch: string;
};

async function keep(
  deps: ImageDeps,
  { request, built, key, scratch }: Keeping,
  call: ImageCall,
): Promise<ImageManifest> {
  const { root, config, draft } = built;
  await lockAccounts(root);
  removeIdentity(root);
  const { path, digest, bytes } =
    draft !== undefined && isFinal(draft, root) ? draft : await write(root, scratch, call);
  const facts = await factsOf(root);
  call.signal.throwIfAborted();
  await putBlob(deps.paths, path, { take: 'move', digest, signal: call.signal });
  const image: Omit<ImageManifest, 'digest'> = {
    version: 1,
    name: request.name,
    source: { kind: 'build', from: resolve(request.file), inputs: key },
    ...facts,
    arch: process.arch === 'arm64' ? 'arm64' : 'x64',
    init: 'heyvm',
    config,
    files: [{ role: 'rootfs', format: 'tar', digest, bytes }],
    created_at: new Date().toISOString(),
  };
  const booted = await tryDisk(deps, request, { image: { ...image, digest: digestOfManifest(image) }, call });
  return writeManifest(deps.paths, { ...image, ...(booted === undefined ? {} : { booted_at: booted }) });
}

async function write(
  root: FolderNode,
  scratch: string,
  { signal, progress }: ImageCall,
): Promise<Written & { readonly path: string }> {
  progress({ phase: 'writing the image' });
  const path = join(scratch, 'rootfs.tar');
  return { path, ...(await writeTar(root, path, signal)) };
}

type Trying = { readonly image: ImageManifest; readonly call: ImageCall };

/** When it was seen to boot; undefined where nobody asked, or nothing here can boot it. */
async function tryDisk(
  deps: ImageDeps,
  { disk }: BuildRequest,
  { image, call }: Trying,
): Promise<string | undefined> {
  if (disk === undefined) return undefined;
  const { ensureDisk } = await import('./ensureDisk.ts');
  const bootable = await ensureDisk(deps, { image, ...disk }, call);
  if (image.booted_at !== undefined) return image.booted_at;
  const { checkBoot } = await import('./bootCheck.ts');
  return (await checkBoot(deps, bootable, call)) === 'booted' ? new Date().toISOString() : undefined;
}

async function checkedAgain(
  deps: ImageDeps,
  request: BuildRequest,
  { found, call }: { readonly found: ImageManifest; readonly call: ImageCall },
): Promise<ImageManifest> {
  const booted = await tryDisk(deps, request, { image: found, call });
  if (booted === undefined || booted === found.booted_at) return found;
  await markBooted(deps.paths, found, booted);
  return { ...found, booted_at: booted };
}

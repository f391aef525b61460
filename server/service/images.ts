// The methods about images: what is there and who needs it, and everything that makes, takes or removes one.
import { isAbsolute } from 'node:path';
import { backends } from '../backends/registry.ts';
import type { Manifest } from '../core/backend.ts';
import { resolveBackend } from '../core/choose.ts';
import { fail } from '../core/errors.ts';
import { blobPath } from '../images/layout.ts';
import { requireImage } from '../images/lookup.ts';
import { derivedIn, listManifests } from '../images/manifest.ts';
import { kindsOf } from '../images/resolve.ts';
import { readUsage, type Usage } from '../images/usage.ts';
import { verifyBlob } from '../images/verify.ts';
import { guestProgram } from '../platform/bundle.ts';
import type { Handlers, Params, Result } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { ImageFile, ImageInfo, ImageManifest } from '../protocol/image.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

type Method = Extract<keyof HelperContract, `image/${string}`>;
type Table = Pick<Handlers<HelperContract, CallContext>, Method>;

export function imageHandlers(deps: ServiceDeps): Table {
  const { paths } = deps;
  return {
    'image/list': async () => {
      const { images, problems } = await listManifests(paths);
      const usage = await readUsage(paths);
      return { images: images.map(image => infoOf(image, usage)), problems: [...problems] };
    },
    'image/inspect': ({ name }, context) => inspect(deps, name, context),
    'image/build': (asked, context) => build(deps, asked, context),
    'image/bootstrap': async (asked, context) => {
      const { bootstrapImage } = await import('../images/build/bootstrap.ts');
      const { image, cached } = await bootstrapImage(deps, asked, context);
      return { image: await described(deps, image), cached };
    },
    'image/pull': async ({ name }, context) => {
      const { pullBase } = await import('../images/pull.ts');
      const { image, cached } = await pullBase(deps, name, context);
      return { image: await described(deps, image), cached };
    },
    'image/add': async (asked, context) => {
      requireAbsolute([asked.path, asked.kernel, asked.initrd]);
      const { addImage } = await import('../images/add.ts');
      return { image: await described(deps, await addImage(deps, asked, context)) };
    },
    'image/remove': async ({ name, force }) => {
      const { removeImage } = await import('../images/remove.ts');
      return removeImage(paths, name, { used: force === true ? 'remove' : 'refuse' });
    },
    'image/prune': async asked => {
      const { sweepImages } = await import('../images/sweep.ts');
      const removed = await sweepImages(deps, {
        effect: asked.dry_run === true ? 'show' : 'remove',
        images: asked.unused === true ? 'unused' : 'keep',
        leftovers: 'remove',
      });
      return { removed: [...removed] };
    },
    'image/publish': async (asked, context) => {
      const { publishImage } = await import('../images/publish.ts');
      return publishImage(deps, asked, context);
    },
  };
}

async function inspect(
  deps: ServiceDeps,
  name: string,
  { signal, progress }: CallContext,
): Promise<Result<HelperContract, 'image/inspect'>> {
  const image = await requireImage(deps.paths, name);
  const files: Result<HelperContract, 'image/inspect'>['files'] = [];
  for (const { role, bytes, digest } of await allFiles(deps, image)) {
    progress({ phase: 'checking', detail: role });
    const found = await verifyBlob(deps.paths, digest, 'full', signal);
    const path = blobPath(deps.paths, digest);
    files.push({ role, path, bytes, digest, intact: found.kind === 'intact' });
  }
  return { image: await described(deps, image), files };
}

/** Its own, and those that were made from it for machines. */
async function allFiles({ paths }: ServiceDeps, image: ImageManifest): Promise<readonly ImageFile[]> {
  const forms = (await derivedIn(paths)).filter(({ digest }) => digest === image.digest);
  const files = [...image.files, ...forms.flatMap(form => form.files)];
  return [...new Map(files.map(file => [file.digest, file])).values()];
}

/** With a backend named, what that needs is made as well, so that its first sandbox does not wait for it. */
async function build(
  deps: ServiceDeps,
  { backend, ...asked }: Params<HelperContract, 'image/build'>,
  context: CallContext,
): Promise<Result<HelperContract, 'image/build'>> {
  requireAbsolute([asked.file, asked.context]);
  const manifest = backend === undefined ? undefined : resolveBackend(backends, backend).manifest;
  if (manifest !== undefined && (manifest.capabilities.images ?? []).length === 0) {
    fail('unsupported', `${manifest.id} runs no images`, { hint: 'leave the backend out, or name another' });
  }
  const { buildImage } = await import('../images/build/buildImage.ts');
  const boots = manifest?.capabilities.images?.includes('disk') === true;
  const disk = boots ? { agent: guestProgram(deps.bundle.folder), sizeMb: asked.size_mb } : undefined;
  const connect = engineOf(deps);
  const { image, cached } = await buildImage(deps, { ...asked, disk, connect }, context);
  return { image: await described(deps, image), cached };
}

/** Images are built where containers run, as far as the settings say where that is. */
function engineOf({ settings }: ServiceDeps): string | undefined {
  const options = settings().backends;
  for (const { manifest } of backends) {
    if (manifest.capabilities.images?.includes('oci') !== true) continue;
    const connect = options[manifest.id]?.['connect'];
    if (typeof connect === 'string') return connect;
  }
  return undefined;
}

async function described({ paths }: ServiceDeps, image: ImageManifest): Promise<ImageInfo> {
  return infoOf(image, await readUsage(paths));
}

function infoOf(image: ImageManifest, usage: Usage): ImageInfo {
  const { name, digest, source, os, arch, runtimes, init, config, created_at } = image;
  return {
    name,
    digest,
    source,
    os,
    arch,
    runtimes,
    init,
    config,
    bytes: image.files.reduce((sum, file) => sum + file.bytes, 0),
    backends: backends.filter(({ manifest }) => fits(manifest, image)).map(({ manifest }) => manifest.id),
    created_at,
    used_by: [...usage.usersOf(image)],
  };
}

/** By what a backend says of itself; whether it is ready on this machine is another question. */
function fits({ capabilities, hosts }: Manifest, image: ImageManifest): boolean {
  const arch = image.arch === 'any' ? process.arch : image.arch;
  const here = hosts.some(host => host.platform === process.platform && host.arch.includes(arch));
  return here && kindsOf(image).some(kind => capabilities.images?.includes(kind) === true);
}

/** Whoever calls may live in another folder than this process. */
function requireAbsolute(places: readonly (string | undefined)[]): void {
  const wrong = places.find(place => place !== undefined && !isAbsolute(place));
  if (wrong !== undefined) fail('usage', `${JSON.stringify(wrong)} must be an absolute path`);
}

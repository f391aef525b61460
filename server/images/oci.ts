// An image of the store as the parts of a container image: configuration, one layer, and the manifest over both.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { fail } from '../core/errors.ts';
import type { ImageFile, ImageManifest } from '../protocol/image.ts';
import { hashFile, incomingPath } from './blobs.ts';
import type { ImageCall, ImageDeps } from './deps.ts';
import { blobPath } from './layout.ts';
import { verifyBlob } from './verify.ts';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

export type Part = { readonly mediaType: string; readonly digest: string; readonly size: number };
export type OciImage = {
  readonly config: Part & { readonly bytes: Buffer };
  readonly layer: Part & { readonly path: string };
  readonly manifest: Part & { readonly bytes: Buffer };
};

/** A packed layer is written below `incoming` for the caller to remove; a plain one is the blob itself. */
export async function ociImage(
  deps: ImageDeps,
  image: ImageManifest,
  { pack, ...call }: ImageCall & { readonly pack: 'gzip' | 'plain' },
): Promise<OciImage> {
  const rootfs = image.files.find(file => file.role === 'rootfs') ?? refuseDisk(image);
  const path = blobPath(deps.paths, rootfs.digest);
  const found = await verifyBlob(deps.paths, rootfs.digest, 'full', call.signal);
  if (found.kind !== 'intact') refuseBroken(image, path);
  const layer = pack === 'plain' ? plainLayer(rootfs, path) : await packedLayer(deps, path, call);
  const config = jsonPart('application/vnd.oci.image.config.v1+json', configOf(image, rootfs.digest));
  const manifest = jsonPart(MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(config),
    layers: [descriptor(layer)],
  });
  return { config, layer, manifest };
}

export function descriptor({ mediaType, digest, size }: Part): Part {
  return { mediaType, digest, size };
}

function plainLayer({ digest, bytes }: ImageFile, path: string): OciImage['layer'] {
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: bytes, path };
}

async function packedLayer(
  deps: ImageDeps,
  source: string,
  { signal, progress }: ImageCall,
): Promise<OciImage['layer']> {
  const path = await incomingPath(deps.paths, 'layer');
  const { size: total } = await stat(source);
  let read = 0;
  const from = createReadStream(source, { highWaterMark: 1024 * 1024 });
  from.on('data', chunk => {
    read += chunk.length;
    progress({ phase: 'packing', percent: (100 * read) / total });
  });
  await pipeline(from, createGzip(), createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
  const { digest, bytes } = await hashFile(path, { signal });
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: bytes, path };
}

/** Without times of now, so that the same image is the same in every registry. */
function configOf({ config, arch, source, created_at }: ImageManifest, layer: string): unknown {
  const { env, user, workdir, entrypoint, cmd } = config;
  return {
    created: created_at,
    architecture: arch === 'x64' ? 'amd64' : 'arm64',
    os: 'linux',
    config: {
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...(user === undefined ? {} : { User: user }),
      ...(workdir === undefined ? {} : { WorkingDir: workdir }),
      ...(entrypoint.length === 0 ? {} : { Entrypoint: entrypoint }),
      ...(cmd.length === 0 ? {} : { Cmd: cmd }),
    },
    rootfs: { type: 'layers', diff_ids: [layer] },
    history: [{ created: created_at, created_by: `heyvm ${source.kind}` }],
  };
}

function jsonPart(mediaType: string, value: unknown): Part & { bytes: Buffer } {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { mediaType, digest, size: bytes.length, bytes };
}

function refuseDisk({ name }: ImageManifest): never {
  return fail('unsupported', `the image ${name} is a disk, and only root file systems can be published`, {
    hint: 'build or bootstrap an image, and publish that',
  });
}

function refuseBroken({ name }: ImageManifest, path: string): never {
  fail('image-broken', `the root file system of image ${name} (${path}) is not what its digest says`, {
    hint: `heyvm images inspect ${name}`,
  });
}

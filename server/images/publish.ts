// Gives an image away: as an OCI archive, or into a registry.
import { rename, rm } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { fail } from '../core/errors.ts';
import { randomHex } from '../platform/random.ts';
import { fileOf, metaOf, type Node, newRoot, put } from './build/rootTree.ts';
import { writeTar } from './build/tarWrite.ts';
import type { ImageCall, ImageDeps } from './deps.ts';
import { requireImage } from './lookup.ts';
import { descriptor, type OciImage, ociImage } from './oci.ts';
import { parseReference } from './reference.ts';

export type Published = { readonly to: string; readonly digest: string; readonly bytes: number };

/** `to` is `docker://registry/name:tag`, or an absolute path, with or without `oci-archive:` before it. */
export async function publishImage(
  deps: ImageDeps,
  { name, to }: { readonly name: string; readonly to: string },
  call: ImageCall,
): Promise<Published> {
  const image = await requireImage(deps.paths, name);
  if (to.startsWith('docker://')) {
    const reference = parseReference(to.slice('docker://'.length));
    const parts = await ociImage(deps, image, { ...call, pack: 'gzip' });
    try {
      const { pushImage } = await import('./registry.ts');
      await pushImage(deps, { image: parts, reference }, call);
      return { to, digest: parts.manifest.digest, bytes: parts.layer.size };
    } finally {
      await rm(parts.layer.path, { force: true });
    }
  }
  const path = to.replace(/^oci-archive:/, '');
  if (!isAbsolute(path)) {
    fail('usage', `${to} is neither a path nor an address of a registry`, {
      hint: 'for example oci-archive:./my-base.tar or docker://registry.example.com/my-base:1',
    });
  }
  const parts = await ociImage(deps, image, { ...call, pack: 'plain' });
  call.progress({ phase: 'writing the archive', detail: path });
  const { bytes } = await writeArchive(parts, { path, name: image.name }, call.signal);
  return { to: path, digest: parts.manifest.digest, bytes };
}

type Target = { readonly path: string; readonly name: string };

/** Beside its place first, so that nobody reads half of it. */
async function writeArchive(
  image: OciImage,
  { path, name }: Target,
  signal: AbortSignal,
): Promise<{ bytes: number }> {
  const draft = `${path}.${process.pid}-${randomHex(4)}.new`;
  try {
    const written = await writeTar(archiveOf(image, name), draft, signal);
    await rename(draft, path);
    return written;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function archiveOf({ config, layer, manifest }: OciImage, name: string): ReturnType<typeof newRoot> {
  const root = newRoot();
  const add = (path: string, node: Node): void => put(root, path, node);
  const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const index = {
    schemaVersion: 2,
    manifests: [{ ...descriptor(manifest), annotations: { 'org.opencontainers.image.ref.name': name } }],
  };
  // What container engines read that do not know the newer form yet.
  const older = [{ Config: blob(config.digest), RepoTags: [tagged(name)], Layers: [blob(layer.digest)] }];
  add('oci-layout', fileOf(JSON.stringify({ imageLayoutVersion: '1.0.0' })));
  add('index.json', fileOf(JSON.stringify(index)));
  add('manifest.json', fileOf(JSON.stringify(older)));
  add(blob(config.digest), fileOf(config.bytes));
  add(blob(manifest.digest), fileOf(manifest.bytes));
  add(blob(layer.digest), {
    kind: 'file',
    meta: metaOf(0o644),
    content: { kind: 'part', path: layer.path, offset: 0, size: layer.size },
  });
  return root;
}

function tagged(name: string): string {
  return /:[^/:]*$/.test(name) ? name : `${name}:latest`;
}

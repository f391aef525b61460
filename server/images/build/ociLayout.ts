// Writes an image of ours as an OCI layout, which builders can begin with; the layer is the stored file itself.
import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageManifest } from '../../protocol/image.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import { descriptor, ociImage } from '../oci.ts';

/** What the image is called inside its layout. */
const REFERENCE = 'base';

/** `folder` does not exist yet; the answer is how builders refer to the image in it. */
export async function writeOciLayout(
  deps: ImageDeps,
  { image, folder }: { readonly image: ImageManifest; readonly folder: string },
  call: ImageCall,
): Promise<string> {
  const { config, layer, manifest } = await ociImage(deps, image, { ...call, pack: 'plain' });
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true, mode: 0o700 });
  for (const { digest, bytes } of [config, manifest]) await writeFile(blobIn(blobs, digest), bytes);
  await placeBlob(layer.path, blobIn(blobs, layer.digest));
  const annotations = { 'org.opencontainers.image.ref.name': REFERENCE };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor(manifest), annotations }] };
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return `${folder}:${REFERENCE}`;
}

function blobIn(folder: string, digest: string): string {
  return join(folder, digest.replace('sha256:', ''));
}

/** Builders only read it. */
async function placeBlob(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    // Another file system, or one that knows no second names.
    await symlink(from, to);
  }
}

// Finds an image by its name, for commands that work on images of the store alone.
import { fail } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { ImageManifest } from '../protocol/image.ts';
import type { StorePaths } from './layout.ts';
import { listManifests, readManifest } from './manifest.ts';

/** Fails with `image-not-found` and what was probably meant. */
export async function requireImage(paths: StorePaths, name: string): Promise<ImageManifest> {
  const found = await readManifest(paths, name);
  return found ?? refuseUnknown(paths, name);
}

export async function refuseUnknown(paths: StorePaths, name: string): Promise<never> {
  const { images } = await listManifests(paths);
  const [meant] = nearest(
    name,
    images.map(image => image.name),
  );
  return fail('image-not-found', `there is no image ${name}`, {
    hint: meant === undefined ? 'heyvm images list shows what is there' : `did you mean ${meant}?`,
  });
}

// Where the parts of the image store are on disk.
import { join } from 'node:path';
import type { Paths } from '../store/paths.ts';

export type StorePaths = Pick<Paths, 'images' | 'locks'>;

export type ImageLayout = {
  /** What each name means now, one manifest for each. */
  readonly names: string;
  /** Every manifest by its digest, so that a sandbox finds its image after the name moved on. */
  readonly manifests: string;
  /** The files of images, read-only, named by their digests. */
  readonly blobs: string;
  /** What each blob looked like when it was last checked in full. */
  readonly stamps: string;
  /** Other forms of an image, made from its files and listed by its digest. */
  readonly derived: string;
  /** Blobs that a living process put in and that no manifest names yet. */
  readonly claims: string;
  /** Files that are being made. */
  readonly incoming: string;
  /** Downloads that go on after an interruption. */
  readonly downloads: string;
};

/** The lock over what is listed and what is removed; held for moments, never while bytes are copied. */
export const STORE_LOCK = 'images';

export function layoutOf({ images }: Pick<StorePaths, 'images'>): ImageLayout {
  return {
    names: join(images, 'names'),
    manifests: join(images, 'manifests'),
    blobs: join(images, 'blobs'),
    stamps: join(images, 'stamps'),
    derived: join(images, 'derived'),
    claims: join(images, 'claims'),
    incoming: join(images, 'incoming'),
    downloads: join(images, 'downloads'),
  };
}

/** `sha256:…` as a file name. */
export function digestFile(digest: string): string {
  return digest.replace(':', '-');
}

export function blobPath(paths: Pick<StorePaths, 'images'>, digest: string): string {
  return join(layoutOf(paths).blobs, digestFile(digest));
}

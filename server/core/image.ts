// What a sandbox runs from, after its name was looked up.
import type { ImageFile, ImageManifest } from '../protocol/image.ts';

export type ResolvedImage = StoredImage | { readonly kind: 'reference'; readonly name: string };

/** An image of our own store. */
export type StoredImage = {
  readonly kind: 'stored';
  readonly name: string;
  readonly manifest: ImageManifest;
  /** Where a file of the image is; undefined when the image has no such file. */
  readonly file: (role: ImageFile['role']) => string | undefined;
};

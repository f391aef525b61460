// The part of the helper's contract that is about images.
import * as z from 'zod/mini';
import { Problem } from './doctor.ts';
import { ImageInfo, ImageName } from './image.ts';

export const imageMethods = {
  'image/list': () => ({
    about: 'Every image of the store, with the backends that can run it.',
    params: z.object({}),
    result: z.object({ images: z.array(ImageInfo), problems: z.array(Problem) }),
  }),
  'image/inspect': () => ({
    about: 'One image; its files are checked against their digests.',
    params: z.object({ name: ImageName }),
    result: z.object({
      image: ImageInfo,
      files: z.array(
        z.object({
          role: z.string(),
          path: z.string(),
          bytes: z.int(),
          digest: z.string(),
          intact: z.boolean(),
        }),
      ),
    }),
  }),
  'image/build': () => ({
    about: 'Builds an image from a Dockerfile; unchanged input answers at once.',
    params: z.object({
      file: z.string(),
      context: z.string(),
      name: ImageName,
      /** The size of its disk in MiB; as much as it needs when it is left out. */
      size_mb: z.optional(z.int().check(z.positive())),
      /** Also makes what this backend needs, and boots it once. */
      backend: z.optional(z.string()),
      arguments: z.optional(z.record(z.string(), z.string())),
      /** The stage to build. */
      target: z.optional(z.string()),
    }),
    result: z.object({ image: ImageInfo, cached: z.boolean() }),
  }),
  'image/bootstrap': () => ({
    about: 'Makes a base image from the packages of a distribution.',
    params: z.object({
      base: ImageName,
      name: z.optional(ImageName),
      mirror: z.optional(z.string()),
      include: z.optional(z.array(z.string())),
    }),
    result: z.object({ image: ImageInfo, cached: z.boolean() }),
  }),
  'image/pull': () => ({
    about: 'Downloads a known base image and checks it against the checksums of its vendor.',
    params: z.object({ name: ImageName }),
    result: z.object({ image: ImageInfo, cached: z.boolean() }),
  }),
  'image/add': () => ({
    about:
      'Takes a file of this machine into the store: a root file system as tar, a disk, or an OCI archive.',
    params: z.object({
      path: z.string(),
      name: ImageName,
      kernel: z.optional(z.string()),
      initrd: z.optional(z.string()),
    }),
    result: z.object({ image: ImageInfo }),
  }),
  'image/remove': () => ({
    about: 'Removes an image; one that a sandbox was made from only with force.',
    params: z.object({ name: ImageName, force: z.optional(z.boolean()) }),
    result: z.object({ name: ImageName, freed: z.int() }),
  }),
  'image/prune': () => ({
    about: 'Removes files and images that nothing needs.',
    params: z.object({ dry_run: z.optional(z.boolean()), unused: z.optional(z.boolean()) }),
    result: z.object({ removed: z.array(z.object({ what: z.string(), path: z.string(), bytes: z.int() })) }),
  }),
  'image/publish': () => ({
    about: 'Writes an image as an OCI archive, or pushes it to a registry.',
    params: z.object({ name: ImageName, to: z.string() }),
    result: z.object({ to: z.string(), digest: z.string(), bytes: z.int() }),
  }),
} as const;

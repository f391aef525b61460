// An image: what a guest runs from, with where it came from and what it can be used for.
import * as z from 'zod/mini';
import { Runtime } from './backend.ts';

/** A reference as `name:tag`, with an optional registry and path before it. */
export const ImageName = z
  .string()
  .check(
    z.regex(
      /^[a-z0-9][a-z0-9._/-]{0,127}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$/,
      'must be a name such as debian:12 or my-base',
    ),
  );

export const Digest = z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits'));

/** `rootfs` is a tar of the root file system; `disk` is bootable with `kernel` and `initrd`, or alone; `program` is WebAssembly. */
export const ImageFile = z.strictObject({
  role: z.enum(['rootfs', 'disk', 'kernel', 'initrd', 'program']),
  format: z.enum([
    'tar',
    'qcow2',
    'raw',
    'elf',
    'bzimage',
    'cpio',
    'wasm-core',
    'wasm-component',
    'wasm-package',
  ]),
  digest: Digest,
  bytes: z.int(),
});
export type ImageFile = z.output<typeof ImageFile>;

/** How programs are started in it, as its Dockerfile said. */
export const ImageConfig = z.strictObject({
  env: z.record(z.string(), z.string()),
  user: z.optional(z.string()),
  workdir: z.optional(z.string()),
  entrypoint: z.array(z.string()),
  cmd: z.array(z.string()),
});
export type ImageConfig = z.output<typeof ImageConfig>;

export const ImageManifest = z.strictObject({
  version: z.literal(1),
  name: ImageName,
  /** Over everything below but name and times: two images with one digest are the same image. */
  digest: Digest,
  source: z.strictObject({
    kind: z.enum(['bootstrap', 'build', 'download', 'file']),
    /** The suite, Dockerfile, address or path that it was made from. */
    from: z.string(),
    /** The digest of what went in, where there is one. */
    inputs: z.optional(z.string()),
  }),
  os: z.strictObject({ id: z.string(), version: z.string(), libc: z.enum(['glibc', 'musl', 'none']) }),
  /** `any`: it does not depend on the processor. */
  arch: z.enum(['x64', 'arm64', 'any']),
  runtimes: z.array(Runtime),
  /** Who starts the guest program: heyvm's own initial ramdisk, cloud-init from a seed, or nobody, because nothing boots. */
  init: z.enum(['heyvm', 'cloud-init', 'none']),
  config: ImageConfig,
  files: z.array(ImageFile),
  /** When it was last seen to boot; absent before its first boot. */
  booted_at: z.optional(z.string()),
  created_at: z.string(),
});
export type ImageManifest = z.output<typeof ImageManifest>;

export const ImageInfo = z.object({
  name: ImageName,
  digest: Digest,
  source: ImageManifest.shape.source,
  os: ImageManifest.shape.os,
  arch: ImageManifest.shape.arch,
  runtimes: z.array(Runtime),
  init: ImageManifest.shape.init,
  config: ImageConfig,
  /** What its files take on disk, counting shared ones fully. */
  bytes: z.int(),
  /** Ids of the backends that can run it. */
  backends: z.array(z.string()),
  created_at: z.string(),
  /** Names of the sandboxes that were made from it. */
  used_by: z.array(z.string()),
});
export type ImageInfo = z.output<typeof ImageInfo>;

// What a person can set for this backend, under `backends.libvirt` or for one sandbox.
import * as z from 'zod/mini';
import { fail } from '../../core/errors.ts';
import { once } from '../../core/once.ts';
import { described } from '../../protocol/described.ts';
import { parse } from '../../protocol/parse.ts';

export const Options = once(() =>
  z.strictObject({
    connect: z.optional(
      described(
        z
          .string()
          .check(z.regex(/^qemu(\+[a-z0-9]+)?:\/\/\S+$/, 'must be a URI of libvirt such as qemu:///session')),
        'Which libvirt: qemu:///session, qemu:///system, qemu+ssh://user@host/system or qemu+tcp://host/system.',
      ),
    ),
    accelerator: z.optional(
      described(
        z.enum(['kvm', 'tcg']),
        '`kvm` refuses to start without it; the best that works when it is left out.',
      ),
    ),
    workspace: z.optional(
      described(
        z.enum(['shared', 'reverse-sftp']),
        'How the workspace is shown: the first of these that works when it is left out.',
      ),
    ),
    pool: z.optional(
      described(
        z.string().check(z.regex(/^[\w.-]+$/, 'must be the name of a storage pool')),
        'The storage pool on another host that disks lie in; `default` when it is left out.',
      ),
    ),
    templates_bytes: z.optional(
      described(
        z.int().check(z.minimum(0)),
        'How much prepared machines, which new ones are resumed from, may take on disk.',
      ),
    ),
  }),
);
export type Options = z.output<ReturnType<typeof Options>>;

/** Enough for some ten kinds of machines of the usual size. */
export const TEMPLATES_BYTES = 4 * 1024 ** 3;

export const DEFAULT_POOL = 'default';

/** The own libvirt of the person, which starts by itself and needs no privileges. */
export const DEFAULT_URI = 'qemu:///session';

/** A request carries options that were parsed when they were read; this restores their type. */
export function parseOptions(input: unknown): Options {
  const parsed = parse(Options(), input ?? {});
  return parsed.ok ? parsed.value : fail('settings-broken', `backends.libvirt: ${parsed.problem}`);
}

// What a person can set for this backend under `backends.wasix`.
import * as z from 'zod/mini';
import { fail } from '../../core/errors.ts';
import { once } from '../../core/once.ts';
import { described } from '../../protocol/described.ts';
import { parse } from '../../protocol/parse.ts';

export const Options = once(() =>
  z.strictObject({
    packages: z.optional(
      described(
        z.array(z.string().check(z.minLength(1))),
        'Packages of the registry beside the image, such as `wasmer/coreutils`.',
      ),
    ),
  }),
);
export type Options = z.output<ReturnType<typeof Options>>;

/** A request carries options that were parsed when they were read; this restores their type. */
export function parseOptions(input: unknown): Options {
  const parsed = parse(Options(), input ?? {});
  return parsed.ok ? parsed.value : fail('settings-broken', `backends.wasix: ${parsed.problem}`);
}

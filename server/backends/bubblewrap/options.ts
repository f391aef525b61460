// What a person can set for this backend under `backends.bubblewrap`.
import * as z from 'zod/mini';
import { fail } from '../../core/errors.ts';
import { once } from '../../core/once.ts';
import { described } from '../../protocol/described.ts';
import { parse } from '../../protocol/parse.ts';

export const Options = once(() =>
  z.strictObject({
    debug: z.optional(
      described(
        z.boolean(),
        'Lets programs inside attach to each other with ptrace; gdb and strace need it, and it widens what an attack can try.',
      ),
    ),
  }),
);
export type Options = z.output<ReturnType<typeof Options>>;

/** A request carries options that were parsed when they were read; this restores their type. */
export function parseOptions(input: unknown): Options {
  const parsed = parse(Options(), input ?? {});
  return parsed.ok ? parsed.value : fail('settings-broken', `backends.bubblewrap: ${parsed.problem}`);
}

// What a person can set for this backend under `backends.docker`, or for one sandbox.
import * as z from 'zod/mini';
import { fail } from '../../core/errors.ts';
import { once } from '../../core/once.ts';
import { described } from '../../protocol/described.ts';
import { parse } from '../../protocol/parse.ts';

export const Options = once(() =>
  z.strictObject({
    connect: z.optional(
      described(
        z.string(),
        'The engine, as in DOCKER_HOST; found like the docker command finds it when it is left out.',
      ),
    ),
    runtime: z.optional(
      described(
        z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'must be the name of a runtime')),
        "The engine's name of a runtime such as runsc or kata, for a kernel between the guest and the host's.",
      ),
    ),
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
  return parsed.ok ? parsed.value : fail('settings-broken', `backends.docker: ${parsed.problem}`);
}

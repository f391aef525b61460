// What a person can set for this backend under `backends.wasip2`.
import * as z from 'zod/mini';
import { fail } from '../../core/errors.ts';
import { once } from '../../core/once.ts';
import { described } from '../../protocol/described.ts';
import { parse } from '../../protocol/parse.ts';

export const Options = once(() =>
  z.strictObject({
    runtime: z.optional(
      described(
        z.enum(['node', 'wasmtime']),
        'Who runs programs: Node, which needs nothing else, or `wasmtime` where it is installed.',
      ),
    ),
    fuel: z.optional(
      described(
        z.int().check(z.positive()),
        'How much a program may compute before it is ended, as wasmtime counts it; only wasmtime can.',
      ),
    ),
    port: z.optional(
      described(
        z.int().check(z.minimum(1), z.maximum(65_535)),
        'The port of the sandbox at which a handler of HTTP requests is served; 8080 when it is left out.',
      ),
    ),
  }),
);
export type Options = z.output<ReturnType<typeof Options>>;

/** A request carries options that were parsed when they were read; this restores their type. */
export function parseOptions(input: unknown): Options {
  const parsed = parse(Options(), input ?? {});
  return parsed.ok ? parsed.value : fail('settings-broken', `backends.wasip2: ${parsed.problem}`);
}

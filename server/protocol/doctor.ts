// The doctor's report: what was looked at, how it is, and what mends it.
import * as z from 'zod/mini';
import { Boundary, Verified } from './backend.ts';

/** Something that was wrong on disk and did not stop the rest from working. */
export const Problem = z.object({ path: z.string(), message: z.string(), hint: z.optional(z.string()) });
export type Problem = z.output<typeof Problem>;

export const Check = z.object({
  /** Stable id such as `store`, `ssh-config`, `backend:<id>`. */
  id: z.string(),
  title: z.string(),
  state: z.enum(['ok', 'warning', 'error', 'absent']),
  detail: z.string(),
  /** A command or sentence that mends it. */
  fix: z.optional(z.string()),
  /** What was looked at, when it is a backend; on a machine that has it, as strong as it is there. */
  backend: z.optional(
    z.object({ id: z.string(), boundary: Boundary, verified: Verified, caveats: z.array(z.string()) }),
  ),
  /** One by one what `detail` says in one sentence. */
  problems: z.optional(z.array(Problem)),
});
export type Check = z.output<typeof Check>;

export const SupportWish = z.object({
  /** Absolute; nothing may be there yet. */
  path: z.string(),
  /** What a surface knows beside the rest; it is cleaned like everything else. */
  extra: z.optional(
    z
      .array(
        z.object({
          name: z.string().check(z.regex(/^[a-z0-9-]{1,40}\.(json|txt)$/)),
          text: z.string().check(z.maxLength(4 * 1024 * 1024)),
        }),
      )
      .check(z.maxLength(10)),
  ),
});

export const SupportBundle = z.object({
  path: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.int() })),
  /** How many things were replaced. */
  redacted: z.int(),
});

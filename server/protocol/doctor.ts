// The doctor's report: what was looked at, how it is, and what mends it.
import * as z from 'zod/mini';

export const Check = z.object({
  /** Stable id such as `store`, `ssh-config`, `backend:<id>`. */
  id: z.string(),
  title: z.string(),
  state: z.enum(['ok', 'warning', 'error', 'absent']),
  detail: z.string(),
  /** A command or sentence that mends it. */
  fix: z.optional(z.string()),
});
export type Check = z.output<typeof Check>;

/** Something that was wrong on disk and did not stop the rest from working. */
export const Problem = z.object({ path: z.string(), message: z.string(), hint: z.optional(z.string()) });
export type Problem = z.output<typeof Problem>;

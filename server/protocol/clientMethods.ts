// The part of the helper's contract that is about programs for agents, which are told of heyvm's tools.
import * as z from 'zod/mini';

const Target = z.object({
  client: z.string(),
  /** The project's folder, absolute. */
  folder: z.string(),
  /** Only the tools that look. */
  read_only: z.optional(z.boolean()),
  /** More folders whose branches may be opened, absolute. */
  repositories: z.optional(z.array(z.string())),
});

export const clientMethods = {
  'client/list': () => ({
    about: 'Programs for agents whose configuration heyvm can add itself to.',
    params: z.object({ folder: z.string() }),
    result: z.object({
      clients: z.array(z.object({ id: z.string(), title: z.string(), about: z.string(), path: z.string() })),
    }),
  }),
  'client/preview': () => ({
    about: 'What the configuration of a client would be with heyvm in it; nothing is written.',
    params: Target,
    result: z.object({
      title: z.string(),
      path: z.string(),
      changed: z.boolean(),
      /** Absent when there is no file. */
      before: z.optional(z.string()),
      after: z.string(),
    }),
  }),
  'client/install': () => ({
    about: 'Writes what was previewed, unless the file is another one by now.',
    params: z.extend(Target, {
      /** As it was previewed, so that nothing is written that nobody saw. */
      after: z.string(),
    }),
    result: z.object({ path: z.string(), changed: z.boolean() }),
  }),
} as const;

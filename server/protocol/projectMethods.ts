// The part of the helper's contract that is about projects and their own files.
import * as z from 'zod/mini';
import { FileProblem, ProjectAsk, Unfollowed } from './projectFile.ts';
import { SandboxInfo } from './sandbox.ts';

/** Any folder of the person's, absolute. */
const InFolder = z.object({ folder: z.string() });

const Setup = z.enum(['none', 'ran', 'done before']);

export const projectMethods = {
  'project/inspect': () => ({
    about: 'What the file of a project says: what is wrong in it, and what nobody has agreed to yet.',
    params: InFolder,
    result: z.object({
      path: z.string(),
      problems: z.array(FileProblem),
      asks: z.array(ProjectAsk),
      /** What a file of another tool says and heyvm does not do. */
      unfollowed: z.optional(z.array(Unfollowed)),
      /** Extensions that a window on the sandbox may want. */
      extensions: z.optional(z.array(z.string())),
      sandbox: z.optional(SandboxInfo),
    }),
  }),
  'project/setup': () => ({
    about: 'Runs what the project of a sandbox wants to be run once, unless that was done.',
    params: z.object({ sandbox: z.string() }),
    result: z.object({ setup: Setup }),
  }),
  'project/up': () => ({
    about:
      'Makes or reuses the sandbox of a project, runs its setup once, starts its command and waits for it.',
    params: z.extend(InFolder, {
      /** What the person agrees to, in the words of the asks. */
      trust: z.optional(z.array(z.string())),
      /** Runs the setup again. */
      setup: z.optional(z.boolean()),
    }),
    result: z.object({
      sandbox: SandboxInfo,
      created: z.boolean(),
      setup: Setup,
      command: z.enum(['none', 'started', 'running']),
    }),
  }),
} as const;

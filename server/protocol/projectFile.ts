// `.heyvm/sandbox.yaml`: what a project says its sandbox is. It comes with a branch, so it may only ask.
import * as z from 'zod/mini';
import { NetworkMode, Runtime, SandboxType } from './backend.ts';
import { described } from './described.ts';
import { GuestUser, PublishedPort, SandboxName } from './sandbox.ts';

const Text = z.string().check(z.minLength(1));

const Duration = z
  .string()
  .check(z.regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, 'must be a duration such as 30s, 5m or 1h30m'));

const Size = z.union(
  [
    z.int().check(z.positive()),
    z.string().check(z.regex(/^\d+(\.\d+)?\s*[kmgt]?(i?b)?$/i, 'must be a size such as 512m or 2g')),
  ],
  { error: 'must be a size such as 512m or 2g' },
);

/** One line for the shell of the guest, or the words of one program, which no shell reads. */
const Program = z.union([Text, z.array(z.string()).check(z.minLength(1))], {
  error: 'must be a line for the shell or a list of words',
});

const Port = z.union(
  [
    z.int().check(z.minimum(1), z.maximum(65_535)),
    z.string().check(z.regex(/^\d{1,5}:\d{1,5}$/, 'must be GUEST or HOST:GUEST')),
    PublishedPort,
  ],
  { error: 'must be a port such as 3000 or "8080:3000"' },
);

export const Variables = z.record(
  z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and _')),
  z.string(),
);

export const ProjectMount = z.strictObject({
  source: described(Text, "What is shown inside: a path from the project's folder, or an absolute one."),
  target: described(
    z.string().check(z.regex(/^\//, 'must be an absolute path inside')),
    'Where it is inside: an absolute path.',
  ),
  mode: z._default(
    described(z.enum(['ro', 'rw']), 'Whether programs inside may only read it (ro) or change it too (rw).'),
    'ro',
  ),
});
export type ProjectMount = z.output<typeof ProjectMount>;

export const ProjectBuild = z.strictObject({
  dockerfile: described(Text, "The Dockerfile, from the project's folder."),
  context: z._default(
    described(Text, "What the builder is given, from the project's folder; all of it when left out."),
    '.',
  ),
  arguments: z.optional(
    described(z.record(z.string(), z.string()), 'Values for the ARG lines of the Dockerfile.'),
  ),
  target: z.optional(described(Text, 'The stage of the Dockerfile to build; the last one when left out.')),
});
export type ProjectBuild = z.output<typeof ProjectBuild>;

const PortNumber = z.int().check(z.minimum(1), z.maximum(65_535));

const Limits = z.strictObject({
  cpus: z.optional(described(z.number().check(z.positive()), 'How many processors, such as 1.5.')),
  memory: z.optional(described(Size, 'Memory, such as 2g.')),
  pids: z.optional(described(z.int().check(z.positive()), 'How many processes and threads at once.')),
  wall: z.optional(described(Duration, 'How long the guest may run, such as 1h.')),
  disk: z.optional(described(Size, 'Room for what is written outside of the workspace.')),
});

const Ready = z.strictObject({
  port: z.optional(described(PortNumber, 'Something listens on this port inside.')),
  path: z.optional(
    described(
      z.string().check(z.regex(/^\//, 'must begin with /')),
      'The port answers a GET of this path with a status below 400.',
    ),
  ),
  command: z.optional(described(Program, 'This program ends with 0.')),
  timeout: z.optional(described(Duration, 'How long is waited for it; 60s when left out.')),
});

export const ProjectFile = z.strictObject({
  name: z.optional(described(SandboxName, "The sandbox's name; made of the folder or branch when left out.")),
  backend: z.optional(
    described(Text, 'The backend, by its id; heyvm chooses the strongest that is ready when it is left out.'),
  ),
  image: z.optional(
    described(
      z.union([Text, ProjectBuild], { error: 'must be a name, or a dockerfile with its context' }),
      'What guests run from: the name of an image, or a Dockerfile to build one from.',
    ),
  ),
  user: z.optional(
    described(
      GuestUser,
      "The name and the home of whom programs inside run as; the numbers stay those of the owner of the project's folder. dev when left out.",
    ),
  ),
  runtime: z.optional(described(Runtime, 'What has to be runnable inside.')),
  type: z.optional(described(SandboxType, 'What the sandbox is for; it decides about defaults.')),
  network: z.optional(
    described(
      NetworkMode,
      'What programs inside may reach: none, named hosts (allowlist), or whatever this machine can (open). More than the settings allow has to be agreed to.',
    ),
  ),
  env: z.optional(described(Variables, 'Variables of all programs inside.')),
  ports: z.optional(
    described(
      z.array(Port),
      'Ports of the guest that are offered on this machine: 3000 at any free port, "8080:3000" at port 8080, which has to be agreed to.',
    ),
  ),
  mounts: z.optional(
    described(
      z.array(ProjectMount),
      'More folders and files shown inside; those outside of the project have to be agreed to.',
    ),
  ),
  limits: z.optional(described(Limits, "Upper bounds; more than the settings' have to be agreed to.")),
  ttl: z.optional(described(Duration, 'The sandbox expires this long after it was started.')),
  setup: z.optional(
    described(z.array(Program), 'Run once inside, one after the other, when the sandbox is new.'),
  ),
  command: z.optional(described(Program, 'What heyvm up starts, again with every start of the sandbox.')),
  ready: z.optional(described(Ready, 'When heyvm up counts the command as started.')),
  extensions: z.optional(
    described(
      z.array(
        z
          .string()
          .check(
            z.regex(/^[a-z0-9][a-z0-9-]*\.[a-z0-9][a-z0-9-]*$/i, 'must be publisher.name of an extension'),
          ),
      ),
      'Extensions that a window on the sandbox offers to install.',
    ),
  ),
});
export type ProjectFile = z.output<typeof ProjectFile>;

const Place = z.object({ line: z.int(), column: z.int() });

/** Something wrong in a file, where it stands; lines and columns count from one, and the end is behind the last letter. */
export const FileProblem = z.object({
  message: z.string(),
  hint: z.optional(z.string()),
  start: Place,
  end: Place,
  /** What most probably was meant to stand there. */
  meant: z.optional(z.string()),
});
export type FileProblem = z.output<typeof FileProblem>;

/** What the file asks for and nobody gets from a branch alone: somebody has to agree to these very words. */
export const ProjectAsk = z.object({
  what: z.string(),
  why: z.string(),
  /** It concerns the making of the sandbox alone, and is asked for with each. */
  once: z.optional(z.boolean()),
});
export type ProjectAsk = z.output<typeof ProjectAsk>;

/** What a file of another tool says and heyvm does not do, by its key. */
export const Unfollowed = z.object({ what: z.string(), why: z.string() });
export type Unfollowed = z.output<typeof Unfollowed>;

// `.heyvm/sandbox.yaml`: what a project says its sandbox is. It comes with a branch, so it may only ask.
import * as z from 'zod/mini';
import { NetworkMode, Runtime, SandboxType } from './backend.ts';
import { PublishedPort, SandboxName } from './sandbox.ts';

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

export const ProjectMount = z.strictObject({
  /** From the project's folder, or absolute. */
  source: Text,
  target: z.string().check(z.regex(/^\//, 'must be an absolute path inside')),
  mode: z._default(z.enum(['ro', 'rw']), 'ro'),
});
export type ProjectMount = z.output<typeof ProjectMount>;

export const ProjectBuild = z.strictObject({
  /** From the project's folder. */
  dockerfile: Text,
  context: z._default(Text, '.'),
  arguments: z.optional(z.record(z.string(), z.string())),
});
export type ProjectBuild = z.output<typeof ProjectBuild>;

const Limits = z.strictObject({
  cpus: z.optional(z.number().check(z.positive())),
  memory: z.optional(Size),
  pids: z.optional(z.int().check(z.positive())),
  wall: z.optional(Duration),
  disk: z.optional(Size),
});

const Ready = z.strictObject({
  /** Something listens on this port inside. */
  port: z.optional(z.int().check(z.minimum(1), z.maximum(65_535))),
  /** And answers a GET of this path with a status below 400. */
  path: z.optional(z.string().check(z.regex(/^\//, 'must begin with /'))),
  /** Or this program ends with 0. */
  command: z.optional(Program),
  timeout: z.optional(Duration),
});

export const ProjectFile = z.strictObject({
  name: z.optional(SandboxName),
  backend: z.optional(Text),
  /** The name of an image, or how to build one. */
  image: z.optional(
    z.union([Text, ProjectBuild], { error: 'must be a name, or a dockerfile with its context' }),
  ),
  runtime: z.optional(Runtime),
  type: z.optional(SandboxType),
  network: z.optional(NetworkMode),
  env: z.optional(
    z.record(
      z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and _')),
      z.string(),
    ),
  ),
  ports: z.optional(z.array(Port)),
  mounts: z.optional(z.array(ProjectMount)),
  limits: z.optional(Limits),
  /** The sandbox expires this long after it was started. */
  ttl: z.optional(Duration),
  /** Run once inside, one after the other, when the sandbox is new. */
  setup: z.optional(z.array(Program)),
  /** What `up` starts. */
  command: z.optional(Program),
  /** When `up` counts it as started. */
  ready: z.optional(Ready),
});
export type ProjectFile = z.output<typeof ProjectFile>;

const Place = z.object({ line: z.int(), column: z.int() });

/** Something wrong in a file, where it stands; lines and columns count from one, and the end is behind the last letter. */
export const FileProblem = z.object({
  message: z.string(),
  hint: z.optional(z.string()),
  start: Place,
  end: Place,
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

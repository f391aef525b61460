// A sandbox as every surface shows it, and what a person can ask for when making one.
import * as z from 'zod/mini';
import { NetworkMode, Runtime, SandboxType } from './backend.ts';

export const SandboxId = z
  .string()
  .check(z.regex(/^sb-[0-9a-f]{8}$/, 'must be sb- and eight hex digits'))
  .brand('SandboxId');
export type SandboxId = z.output<typeof SandboxId>;

/** Names become ssh aliases, so their alphabet is that of a host name in lower case. */
export const SandboxName = z
  .string()
  .check(
    z.regex(
      /^[a-z0-9]([a-z0-9.-]{0,54}[a-z0-9])?$/,
      'must be 1 to 56 of a-z 0-9 . - and start and end with a letter or digit',
    ),
  );

/** A name and a home inside; the numbers are those of whoever owns the workspace, which is why it is never root. */
export const GuestUser = z
  .string()
  .check(
    z.regex(
      /^(?!(root|nobody)$)[a-z_][a-z0-9_-]{0,31}$/,
      'must be the name of a user other than root and nobody, such as dev',
    ),
  );

export const SandboxStatus = z.enum([
  'created',
  'starting',
  'running',
  'paused',
  'stopping',
  'stopped',
  'failed',
]);
export type SandboxStatus = z.output<typeof SandboxStatus>;

export const WorkspaceMode = z.enum(['bind', 'shared', 'reverse-sftp', 'copy', 'in-place']);
export type WorkspaceMode = z.output<typeof WorkspaceMode>;

export const WorkspaceAccess = z.enum(['ro', 'rw']);
export type WorkspaceAccess = z.output<typeof WorkspaceAccess>;

/** `narrowed`: the repository's git folder is visible with only objects, refs and the own worktree writable. */
export const GitMode = z.enum(['none', 'narrowed', 'private']);
export type GitMode = z.output<typeof GitMode>;

/** Upper bounds of a guest: cpus in cores, memory and disk in bytes, pids as a count, wall in seconds. */
export const Limits = z.strictObject({
  cpus: z.optional(z.number().check(z.positive())),
  memory: z.optional(z.int().check(z.positive())),
  pids: z.optional(z.int().check(z.positive())),
  wall: z.optional(z.int().check(z.positive())),
  disk: z.optional(z.int().check(z.positive())),
});
export type Limits = z.output<typeof Limits>;

export const Policy = z.strictObject({ network: z.strictObject({ mode: NetworkMode }) });
export type Policy = z.output<typeof Policy>;

export const Mount = z.strictObject({
  source: z.string(),
  target: z.string(),
  mode: z.enum(['ro', 'rw']),
});
export type Mount = z.output<typeof Mount>;

export const WorktreeRef = z.strictObject({
  branch: z.string(),
  /** The worktree's folder on the host, absolute. */
  path: z.string(),
  /** The main worktree of the repository on the host, absolute. */
  repository: z.string(),
});
export type WorktreeRef = z.output<typeof WorktreeRef>;

const PortNumber = z.int().check(z.minimum(1), z.maximum(65_535));

/** A port of the guest that its owner offers on the loopback address of the host; any free one without `host`. */
export const PublishedPort = z.strictObject({ guest: PortNumber, host: z.optional(PortNumber) });
export type PublishedPort = z.output<typeof PublishedPort>;

/** `memory`: running programs are part of it. */
export const SnapshotInfo = z.object({ name: SandboxName, created_at: z.string(), memory: z.boolean() });
export type SnapshotInfo = z.output<typeof SnapshotInfo>;

export const SandboxInfo = z.object({
  id: SandboxId,
  name: z.string(),
  status: SandboxStatus,
  status_reason: z.optional(z.string()),
  /** It does not run, nobody stopped it on purpose, and whoever connects to it over ssh starts it. */
  comes_back: z.optional(z.literal(true)),
  backend_type: z.string(),
  /** Why this backend: named by the person, by a setting, or the strongest that was ready. */
  backend_reason: z.string(),
  type: SandboxType,
  runtime: Runtime,
  image: z.optional(z.string()),
  /** The name that programs inside run under, where one was asked for. */
  user: z.optional(z.string()),
  workspace: z.object({ path: z.string(), mode: WorkspaceMode, git: GitMode }),
  worktree: z.optional(WorktreeRef),
  created_at: z.string(),
  started_at: z.optional(z.string()),
  ttl_seconds: z.optional(z.int()),
  expires_at: z.optional(z.string()),
  policy: z.object({ network: NetworkMode }),
  limits: Limits,
  ports: z.array(z.object({ guest: z.int(), host: z.optional(z.int()), url: z.optional(z.string()) })),
  ssh: z.object({
    alias: z.string(),
    /** Present when ssh is offered on loopback; `port` while it is, which the running owner says. */
    listen: z.optional(z.object({ alias: z.string(), port: z.optional(z.int()) })),
  }),
  attached: z.boolean(),
  owner: z.optional(z.object({ pid: z.int(), started_at: z.string() })),
  guest_ip: z.optional(z.string()),
  snapshots: z.optional(z.array(SnapshotInfo)),
});
export type SandboxInfo = z.output<typeof SandboxInfo>;

/** What the programs of a running sandbox use. */
export const Usage = z.object({
  sandbox: z.string(),
  /** Since they began, of all processors together; how much it grows tells the load. */
  cpu_ms: z.optional(z.number()),
  /** What they hold in memory, with what they share counted for each. */
  memory_bytes: z.optional(z.number()),
});
export type Usage = z.output<typeof Usage>;

/** What a person asks for; everything that is left out is resolved from settings and the type. */
export const SandboxSpec = z.strictObject({
  name: z.optional(SandboxName),
  backend: z.optional(z.string()),
  type: z.optional(SandboxType),
  runtime: z.optional(Runtime),
  image: z.optional(z.string()),
  user: z.optional(GuestUser),
  /** A folder of the host shown at /workspace; without one the sandbox has an empty folder of its own. */
  workspace: z.optional(z.string()),
  workspace_access: z.optional(WorkspaceAccess),
  mounts: z.optional(z.array(Mount)),
  env: z.optional(z.record(z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/)), z.string())),
  network: z.optional(NetworkMode),
  limits: z.optional(Limits),
  ttl_seconds: z.optional(z.int().check(z.positive())),
  ports: z.optional(z.array(PublishedPort)),
  /** Options of the backend, over those of the settings. */
  options: z.optional(z.record(z.string(), z.unknown())),
  /** Never start from a prepared template. */
  cold: z.optional(z.boolean()),
  /** The guest lives only as long as the client that holds it. */
  attached: z.optional(z.boolean()),
});
export type SandboxSpec = z.output<typeof SandboxSpec>;

/** A sandbox of which nothing is left when whoever holds it lets go, or is gone. */
export const Throwaway = z.strictObject({
  /** Files of the host, absolute, that are copied into its empty workspace before its guest starts. */
  files: z.optional(z.array(z.string())),
});
export type Throwaway = z.output<typeof Throwaway>;

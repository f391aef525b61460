// The shapes of the files in a sandbox's folder.
import * as z from 'zod/mini';
import { Runtime, SandboxType } from '../protocol/backend.ts';
import {
  GitMode,
  GuestUser,
  Limits,
  Mount,
  Policy,
  PublishedPort,
  SandboxId,
  SandboxName,
  WorkspaceMode,
  WorktreeRef,
} from '../protocol/sandbox.ts';

/** `sandbox.yaml`: what was asked and what was resolved. Times are ISO 8601 in UTC. */
export const SandboxRecord = z.strictObject({
  version: z.literal(1),
  id: SandboxId,
  name: SandboxName,
  created_at: z.string(),
  backend_type: z.string(),
  backend_reason: z.string(),
  type: SandboxType,
  runtime: Runtime,
  image: z.optional(z.string()),
  /** What the name meant when the sandbox was made, so that it means the same at every start. */
  image_digest: z.optional(z.string()),
  user: z.optional(GuestUser),
  /** `path` is the folder of the host shown at /workspace; writable unless `access` says otherwise. */
  workspace: z.strictObject({
    path: z.string(),
    git: GitMode,
    access: z.optional(z.literal('ro')),
    /** How the guest is to see it, where that is not as the manifest says. */
    mode: z.optional(WorkspaceMode),
  }),
  worktree: z.optional(WorktreeRef),
  mounts: z.array(Mount),
  env: z.record(z.string(), z.string()),
  policy: Policy,
  limits: Limits,
  ttl_seconds: z.optional(z.int()),
  ports: z.optional(z.array(PublishedPort)),
  /** Present when ssh is offered on a port of loopback, which stays the same. */
  ssh_listen: z.optional(z.strictObject({ port: z.int() })),
  options: z.optional(z.record(z.string(), z.unknown())),
  cold: z.optional(z.literal(true)),
  snapshots: z.optional(
    z.array(
      z.strictObject({
        name: SandboxName,
        created_at: z.string(),
        memory: z.boolean(),
        ref: z.record(z.string(), z.unknown()),
      }),
    ),
  ),
  /** The snapshot that it begins with; of use until it was made. */
  from: z.optional(z.record(z.string(), z.unknown())),
  /** Its guest was written to disk and goes on with the next start. */
  suspended: z.optional(z.literal(true)),
  /** The snapshot that it is being put back to; absent when that has been done. */
  restoring: z.optional(SandboxName),
  /** Copies of it that are being made; what is left of them when nobody makes them any more is taken back. */
  forking: z.optional(
    z.strictObject({
      worktrees: z.array(z.strictObject({ branch: z.string(), path: z.string(), tip: z.string() })),
    }),
  ),
  /** A snapshot is being taken that is not among the others yet; what is left of it when nobody takes it is removed. */
  taking: z.optional(z.literal(true)),
  /** Snapshots that its copies began with, until their driver lets them go. */
  forks: z.optional(z.array(z.record(z.string(), z.unknown()))),
  /** Why a guest that outlived its owner could not be looked at; absent when the last look succeeded. */
  unreachable: z.optional(z.strictObject({ at: z.string(), reason: z.string() })),
  attached: z.boolean(),
  /** The project whose file describes it. */
  project: z.optional(
    z.strictObject({
      folder: z.string(),
      /** Of what the file says about the sandbox itself. */
      digest: z.string(),
      /** What its owner runs as long as there is a guest. */
      command: z.optional(z.array(z.string())),
      /** Present when everything that is run once was run. */
      setup_done: z.optional(z.literal(true)),
      /** What somebody agreed to, in these words. */
      granted: z.array(z.string()),
    }),
  ),
  /** It goes with its guest, and whatever is in its own folder with it; without an owner nobody wants it. */
  throwaway: z.optional(z.literal(true)),
  /** What the driver needs to find its thing again; absent until it was made. */
  ref: z.optional(z.record(z.string(), z.unknown())),
  /** Present until its guest ran for the first time; what nobody is making any more is removed. */
  making: z.optional(z.literal(true)),
  /** How the last run ended; absent before the first start. */
  last_end: z.optional(
    z.strictObject({ at: z.string(), kind: z.enum(['stopped', 'failed']), reason: z.string() }),
  ),
  /** Whether the person wants it to run; a stop on purpose is remembered. */
  intent: z.enum(['running', 'stopped', 'removed']),
});
export type SandboxRecord = z.output<typeof SandboxRecord>;

/** `owner.json`. `start_ticks` and `boot_id` tell a reused pid from the owner. */
export const OwnerRecord = z.object({
  pid: z.int(),
  guest_ip: z.nullable(z.string()),
  ssh_port: z.nullable(z.int()),
  started_at: z.string(),
  start_ticks: z.string(),
  boot_id: z.string(),
  state: z.enum(['starting', 'running', 'paused', 'stopping']),
  attached: z.boolean(),
  protocol: z.object({ major: z.int(), minor: z.int() }),
  /** How the guest sees /workspace, where that is not as the manifest says. */
  workspace: z.optional(WorkspaceMode),
  /** The published ports, each with the one of this machine that leads to it. */
  ports: z.optional(z.array(z.object({ guest: z.int(), host: z.int() }))),
  /** What keeps the owner from its guest at the moment. */
  problem: z.optional(z.string()),
  /** Files that the guest sees read-only, each with what tells it from a replaced one. */
  guarded: z.optional(z.record(z.string(), z.string())),
  /** The folder below `lib` that this owner runs from. */
  build: z.string(),
  control_socket: z.string(),
  ssh_socket: z.string(),
});
export type OwnerRecord = z.output<typeof OwnerRecord>;

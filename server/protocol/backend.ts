// What a backend is and can do, as data with degrees. Lists are ordered from weakest to strongest.
import * as z from 'zod/mini';

export const boundaries = ['process', 'syscalls', 'container', 'microvm', 'vm', 'remote'] as const;
export const Boundary = z.enum(boundaries);
export type Boundary = z.output<typeof Boundary>;

export const networkModes = ['none', 'allowlist', 'open'] as const;
export const NetworkMode = z.enum(networkModes);
export type NetworkMode = z.output<typeof NetworkMode>;

/** `wasm`: modules of WebAssembly can be run, and there may be no shell. */
export const runtimes = ['shell', 'python', 'node', 'wasm'] as const;
export const Runtime = z.enum(runtimes);
export type Runtime = z.output<typeof Runtime>;

/**
 * `folder`, `oci` and `disk` are forms of a root file system. The others are WebAssembly: a core module, a component,
 * and a package, which is a file or a name that a registry knows.
 */
export const ImageKind = z.enum(['folder', 'oci', 'disk', 'wasm-core', 'wasm-component', 'wasm-package']);
export type ImageKind = z.output<typeof ImageKind>;

export const sandboxTypes = ['general', 'code', 'browser', 'desktop', 'builder'] as const;
export const SandboxType = z.enum(sandboxTypes);
export type SandboxType = z.output<typeof SandboxType>;

/** How one resource is bounded: by the kernel for the whole guest, per process only, or not at all. */
export const Enforcement = z.enum(['none', 'best-effort', 'hard']);
export type Enforcement = z.output<typeof Enforcement>;

export const Capabilities = z.object({
  boundary: Boundary,
  /** `owned`: dies with its owner. `external`: a daemon keeps it. */
  lifetime: z.enum(['owned', 'external']),
  workspace: z.enum(['bind', 'shared', 'reverse-sftp', 'copy', 'in-place']),
  /** `none`: a worktree is shown without git, and nothing inside can write to what its `.git` is on the host. */
  git: z.array(z.enum(['none', 'narrowed', 'private'])),
  network: z.array(NetworkMode),
  /** What a sandbox can be asked to run; the first is what it gets when nobody asks. */
  runtimes: z.array(Runtime),
  /** What a sandbox can be for; `general` and `code` when it is left out. */
  types: z.optional(z.array(SandboxType)),
  /** The kinds of image that it runs; none when it is left out, because guests run on the host's own system. */
  images: z.optional(z.array(ImageKind)),
  resources: z.object({
    cpus: Enforcement,
    memory: Enforcement,
    pids: Enforcement,
    wall: Enforcement,
    /** What the guest may write to its own disk; not bounded when it is left out. */
    disk: z.optional(Enforcement),
  }),
  exec: z.object({
    pty: z.boolean(),
    /** Whether programs can be sent signals and act on them; one that is told to end ends in any case. */
    signals: z.boolean(),
    /** Whether the user inside can be given another name and a home of that name; its numbers stay those of the workspace's owner. */
    user: z.boolean(),
    /** `success`: a program's code is told as 0 or 1; exact when it is left out. */
    codes: z.optional(z.enum(['exact', 'success'])),
  }),
  dial: z.array(z.enum(['tcp', 'unix'])),
  files: z.enum(['none', 'live', 'copy']),
  snapshots: z.enum(['none', 'disk', 'memory']),
  pause: z.boolean(),
  /** Whether a guest can be written to disk and go on later; not when it is left out. */
  suspend: z.optional(z.boolean()),
  /** Whether the processor is interpreted here, which makes programs many times slower. */
  emulated: z.optional(z.boolean()),
  /** Whether VS Code Server can run inside. */
  editor: z.boolean(),
  /** Short sentences that people must know before they trust this backend. */
  caveats: z.array(z.string()),
});
export type Capabilities = z.output<typeof Capabilities>;

export const Availability = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ready'),
    version: z.string(),
    /** What holds on this machine; never more than the manifest's ceiling. */
    capabilities: Capabilities,
    notes: z.array(z.string()),
  }),
  z.object({ kind: z.literal('missing'), what: z.string(), fix: z.string() }),
  z.object({ kind: z.literal('unsupported'), why: z.string() }),
]);
export type Availability = z.output<typeof Availability>;

/** `real`: the contract suite ran against the real thing; `contract`: against the vendor's published contract. */
export const Verified = z.enum(['real', 'contract']);

export const BackendInfo = z.object({
  id: z.string(),
  aliases: z.array(z.string()),
  title: z.string(),
  summary: z.string(),
  hosts: z.array(z.object({ platform: z.string(), arch: z.array(z.string()) })),
  capabilities: Capabilities,
  verified: Verified,
  availability: z.optional(Availability),
});
export type BackendInfo = z.output<typeof BackendInfo>;

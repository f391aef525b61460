// The tools that agents are given, whatever they call them through: what each is told, takes, answers and does to the world.
import * as z from 'zod/mini';
import { described } from './described.ts';
import type { Effect } from './effect.ts';
import { SandboxStatus } from './sandbox.ts';

export type AgentTool = {
  /** As people see it. */
  readonly title: string;
  /** One sentence for people who choose tools. */
  readonly said: string;
  /** For the model: when to use it, and what to know before. */
  readonly about: string;
  readonly effect: Effect;
  readonly input: z.ZodMiniType;
  readonly output: z.ZodMiniType;
};

const Sandbox = described(z.string().check(z.minLength(1)), 'id or name of the sandbox');
const On = { sandbox: Sandbox };
const GuestPath = described(
  z.string().check(z.minLength(1)),
  'path inside the sandbox; a relative one is below /workspace',
);

const Brief = z.object({
  id: z.string(),
  name: z.string(),
  status: SandboxStatus,
  backend: z.string(),
  /** How strongly it is kept from the host. */
  network: z.string(),
  branch: z.optional(z.string()),
  repository: z.optional(z.string()),
  worktree: z.optional(z.string()),
});
export type SandboxBrief = z.output<typeof Brief>;

/** The beginning and the end of what was said; the rest can be read on by its handle. */
const Said = z.object({
  text: z.string(),
  bytes: z.int(),
  /** Given when text lacks a part of it. */
  handle: z.optional(z.string()),
  /** How many things that look like secrets were replaced. */
  redacted: z.int(),
});
export type SaidText = z.output<typeof Said>;

export const agentTools = {
  list_sandboxes: {
    title: 'List sandboxes',
    said: 'Lists the sandboxes of this machine.',
    about:
      'Lists all sandboxes with id, state, branch and network. Call it first to find the id that the other tools need.',
    effect: 'reads',
    input: z.strictObject({}),
    output: z.object({ sandboxes: z.array(Brief) }),
  },
  create_sandbox: {
    title: 'Open a branch in a sandbox',
    said: 'Makes branch, worktree and a running sandbox, or finds those that are there.',
    about:
      'Opens a git branch in its own isolated sandbox: makes the branch when it is missing, a worktree of it, and starts a guest that sees the worktree at /workspace. What exists is reused. Without a branch it makes an empty sandbox.',
    effect: 'changes',
    input: z.strictObject({
      branch: z.optional(described(z.string().check(z.minLength(1)), 'the branch to open')),
      repository: z.optional(
        described(z.string(), 'any folder of the repository on the host; the current one when left out'),
      ),
      from: z.optional(described(z.string(), 'where a new branch begins; HEAD when left out')),
      name: z.optional(described(z.string(), 'name of the sandbox')),
      backend: z.optional(
        described(z.string(), 'id of the backend; the strongest that is ready when left out'),
      ),
      image: z.optional(described(z.string(), 'what the guest runs from, where the backend has images')),
      network: z.optional(
        described(
          z.enum(['none', 'open']),
          'what it can reach; what the settings say when left out, which is none unless they open it',
        ),
      ),
    }),
    output: z.object({
      sandbox: Brief,
      created: z.object({ branch: z.boolean(), worktree: z.boolean(), sandbox: z.boolean() }),
    }),
  },
  exec: {
    title: 'Run a program in a sandbox',
    said: 'Runs a program inside a sandbox and answers its outputs and exit code.',
    about:
      'Runs a program inside a sandbox, never on the host. argv is passed on unchanged and no shell reads it; for shell syntax use ["sh", "-c", "…"]. Long outputs are cut in the middle and can be read on with read_output.',
    effect: 'changes',
    input: z.strictObject({
      ...On,
      argv: described(z.array(z.string()).check(z.minLength(1)), 'the program and its arguments'),
      cwd: z.optional(described(z.string(), 'absolute folder inside; /workspace when left out')),
      env: z.optional(described(z.record(z.string(), z.string()), 'variables added for the program')),
      stdin: z.optional(described(z.string().check(z.maxLength(1024 * 1024)), 'text for its input')),
      timeout_seconds: z.optional(
        described(
          z.number().check(z.positive(), z.maximum(3600)),
          'ended after this long; 120 when left out',
        ),
      ),
    }),
    output: z.object({
      exit_code: z.int(),
      signal: z.optional(z.string()),
      timed_out: z.boolean(),
      duration_ms: z.int(),
      stdout: Said,
      stderr: Said,
    }),
  },
  read_output: {
    title: 'Read on in a long output',
    said: 'Reads more of an output that was too long for one answer.',
    about:
      'Reads a part of an output that exec, read_log or diff_branch cut, by the handle that came with it.',
    effect: 'reads',
    input: z.strictObject({
      handle: described(z.string(), 'as it came with the output'),
      offset: z.optional(described(z.int().check(z.minimum(0)), 'first byte; 0 when left out')),
      bytes: z.optional(
        described(z.int().check(z.minimum(1), z.maximum(65_536)), 'how many; 16384 when left out'),
      ),
    }),
    output: z.object({ text: z.string(), offset: z.int(), bytes: z.int(), end: z.boolean() }),
  },
  list_files: {
    title: 'List files in a sandbox',
    said: 'Lists a folder inside a sandbox.',
    about: 'Lists one folder of a sandbox with kinds, sizes and modes.',
    effect: 'reads',
    input: z.strictObject({ ...On, path: z.optional(GuestPath) }),
    output: z.object({
      entries: z.array(
        z.object({
          name: z.string(),
          kind: z.enum(['file', 'folder', 'link', 'other']),
          size: z.int(),
          mode: z.string(),
        }),
      ),
      /** Whether there are more than were listed. */
      more: z.boolean(),
    }),
  },
  read_file: {
    title: 'Read a file in a sandbox',
    said: 'Reads a text file inside a sandbox.',
    about:
      'Reads a text file of a sandbox. What looks like a secret is replaced and counted; do not write such a text back.',
    effect: 'reads',
    input: z.strictObject({
      ...On,
      path: GuestPath,
      offset: z.optional(described(z.int().check(z.minimum(0)), 'first byte; 0 when left out')),
      bytes: z.optional(
        described(z.int().check(z.minimum(1), z.maximum(262_144)), 'how many; 65536 when left out'),
      ),
    }),
    output: z.object({
      text: z.string(),
      offset: z.int(),
      bytes: z.int(),
      size: z.int(),
      redacted: z.int(),
    }),
  },
  write_file: {
    title: 'Write a file in a sandbox',
    said: 'Writes a text file inside a sandbox.',
    about: 'Writes a whole text file in a sandbox, in place of what was there; missing folders are made.',
    effect: 'changes',
    input: z.strictObject({
      ...On,
      path: GuestPath,
      content: described(z.string().check(z.maxLength(8 * 1024 * 1024)), 'the whole text'),
      executable: z.optional(described(z.boolean(), 'whether it can be run as a program')),
    }),
    output: z.object({ path: z.string(), bytes: z.int() }),
  },
  read_log: {
    title: 'Read the log of a sandbox',
    said: 'Reads what the owner and the console of a sandbox said.',
    about:
      'The last lines of the log of a sandbox: its owner and its console. For outputs of programs use exec.',
    effect: 'reads',
    input: z.strictObject({
      ...On,
      lines: z.optional(described(z.int().check(z.minimum(1), z.maximum(2000)), '100 when left out')),
    }),
    output: z.object({ log: Said }),
  },
  list_ports: {
    title: 'List ports of a sandbox',
    said: 'Lists the TCP ports that programs listen on inside.',
    about: 'The TCP ports that programs listen on inside a sandbox.',
    effect: 'reads',
    input: z.strictObject(On),
    output: z.object({ ports: z.array(z.object({ port: z.int(), address: z.string() })) }),
  },
  snapshot_sandbox: {
    title: 'Keep a snapshot',
    said: 'Keeps what a sandbox is now under a name.',
    about:
      'Keeps the state of a sandbox under a name, where its backend can. The workspace is a git worktree and not part of it: commit that instead.',
    effect: 'changes',
    input: z.strictObject({ ...On, name: z.optional(described(z.string(), 'name of the snapshot')) }),
    output: z.object({ name: z.string(), memory: z.boolean() }),
  },
  restore_snapshot: {
    title: 'Go back to a snapshot',
    said: 'Puts a sandbox back to one of its snapshots.',
    about: 'Puts a sandbox back to a snapshot; what it was since then is lost, but for /workspace.',
    effect: 'destroys',
    input: z.strictObject({ ...On, snapshot: described(z.string(), 'name of the snapshot') }),
    output: z.object({ sandbox: Brief }),
  },
  start_sandbox: {
    title: 'Start a sandbox',
    said: 'Starts a stopped sandbox.',
    about: 'Starts a stopped sandbox; a running one is left as it is.',
    effect: 'changes',
    input: z.strictObject(On),
    output: z.object({ sandbox: Brief }),
  },
  stop_sandbox: {
    title: 'Stop a sandbox',
    said: 'Stops a sandbox; its files stay.',
    about: 'Stops a sandbox and ends all programs inside; its files stay.',
    effect: 'changes',
    input: z.strictObject(On),
    output: z.object({ sandbox: Brief }),
  },
  remove_sandbox: {
    title: 'Remove a sandbox',
    said: 'Removes a sandbox, and its worktree when that holds no work.',
    about:
      'Removes a sandbox with its own files. Of a branch also the worktree, unless that has uncommitted or unmerged work, which refuses. The branch stays.',
    effect: 'destroys',
    input: z.strictObject({
      ...On,
      force: z.optional(described(z.boolean(), 'also with work that is nowhere else')),
    }),
    output: z.object({ id: z.string(), worktree: z.optional(z.string()) }),
  },
  diff_branch: {
    title: 'Show what a branch changed',
    said: 'Shows what the branch of a sandbox changed since it left its base.',
    about: 'The patch of all that the branch of a sandbox and its worktree changed since they left the base.',
    effect: 'reads',
    input: z.strictObject({
      ...On,
      base: z.optional(described(z.string(), 'the branch to compare with; the main one when left out')),
      stat: z.optional(described(z.boolean(), 'only names and counts')),
    }),
    output: z.object({ base: z.string(), patch: Said }),
  },
  merge_branch: {
    title: 'Merge the branch of a sandbox',
    said: 'Merges the branch of a sandbox into the branch that is checked out in the repository.',
    about:
      'Merges the branch of a sandbox into the branch that is checked out in the main worktree on the host. Everything must be committed; a conflict changes nothing.',
    effect: 'changes',
    input: z.strictObject(On),
    output: z.object({
      branch: z.string(),
      into: z.string(),
      commit: z.string(),
      kind: z.enum(['fast-forward', 'merge', 'up-to-date']),
    }),
  },
} as const satisfies Readonly<Record<string, AgentTool>>;

export type AgentTools = typeof agentTools;
export type ToolName = keyof AgentTools;
export type ToolInput<N extends ToolName> = z.output<AgentTools[N]['input']>;
export type ToolOutput<N extends ToolName> = z.output<AgentTools[N]['output']>;

export const ToolNames = z.enum(Object.keys(agentTools) as [ToolName, ...ToolName[]]);

// The contract between a surface (extension, command line, tools) and the service that does the work.
import * as z from 'zod/mini';
import { BackendInfo } from './backend.ts';
import { clientMethods } from './clientMethods.ts';
import { lazily } from './contract.ts';
import { Check, Problem, SupportBundle, SupportWish } from './doctor.ts';
import { editorMethods } from './editorMethods.ts';
import { effects } from './effect.ts';
import { ExecResult, ProgramRequest } from './exec.ts';
import { fileMethods } from './fileMethods.ts';
import { forwardMethods } from './forwardMethods.ts';
import { imageMethods } from './imageMethods.ts';
import { projectMethods } from './projectMethods.ts';
import { reviewMethods } from './reviewMethods.ts';
import {
  Limits,
  PublishedPort,
  SandboxId,
  SandboxInfo,
  SandboxName,
  SandboxSpec,
  SnapshotInfo,
  Throwaway,
  Usage,
} from './sandbox.ts';
import { Branch, ImportResult, MergeResult, WorktreeInfo } from './worktree.ts';

/** An id or a name; names are unique on a machine. */
const Target = z.object({ sandbox: z.string().check(z.minLength(1)) });
const One = z.object({ sandbox: SandboxInfo });
const None = z.object({});
/** In one call. */
const MOST_USAGES = 50;

/** Where a call on worktrees starts: any folder of the repository, absolute. */
const Here = z.object({ cwd: z.string() });
const OnBranch = z.extend(Here, { branch: z.string().check(z.minLength(1)) });

export const helperContract = lazily({
  'sandbox/list': () => ({
    about: 'All sandboxes, with what is broken in the store beside them.',
    params: None,
    result: z.object({ sandboxes: z.array(SandboxInfo), problems: z.array(Problem) }),
  }),
  'sandbox/get': () => ({
    about: 'One sandbox by id or name; settled waits for a new owner that takes over its guest.',
    params: z.extend(Target, { settled: z.optional(z.boolean()) }),
    result: One,
  }),
  'sandbox/create': () => ({
    about:
      'Makes a sandbox and starts it; a throwaway has to be held by whoever asked for it, and ends with that.',
    params: z.object({ spec: SandboxSpec, throwaway: z.optional(Throwaway) }),
    result: One,
  }),
  'sandbox/run': () => ({
    about:
      'Runs one program in a throwaway, of which nothing is left; without network unless it is asked for.',
    params: z.object({
      spec: SandboxSpec,
      throwaway: z.optional(Throwaway),
      program: ProgramRequest,
      /** On its standard input. */
      input: z.optional(z.string().check(z.maxLength(1024 * 1024))),
      /** A minute when it is left out. */
      timeout_ms: z.optional(z.int().check(z.positive(), z.maximum(24 * 3_600_000))),
      /** What is kept of each output. */
      most_bytes: z.optional(z.int().check(z.positive(), z.maximum(16 * 1024 * 1024))),
    }),
    result: ExecResult,
  }),
  'sandbox/start': () => ({
    about: 'Starts a stopped sandbox; a running one is left as it is.',
    params: z.extend(Target, {
      /** Published from now on, in the place of those that it has. */
      ports: z.optional(z.array(PublishedPort)),
      cold: z.optional(z.boolean()),
    }),
    result: One,
  }),
  'sandbox/stop': () => ({
    about: 'Stops a sandbox in two stages; its files stay.',
    params: z.extend(Target, { grace_ms: z.optional(z.int().check(z.minimum(0))) }),
    result: One,
  }),
  'sandbox/restart': () => ({ about: 'Stops and starts again.', params: Target, result: One }),
  'sandbox/pause': () => ({
    about: 'Programs inside stand still; memory is kept.',
    params: Target,
    result: One,
  }),
  'sandbox/resume': () => ({
    about: 'Lets a paused or suspended sandbox go on.',
    params: Target,
    result: One,
  }),
  'sandbox/suspend': () => ({
    about: 'Writes a running sandbox to disk and ends it; the next start goes on where it was.',
    params: Target,
    result: One,
  }),
  'sandbox/resize': () => ({
    about: 'Changes limits; what a running guest cannot take over counts from its next start on.',
    params: z.extend(Target, { limits: Limits }),
    result: z.object({ sandbox: SandboxInfo, restart_needed: z.boolean() }),
  }),
  'sandbox/snapshot': () => ({
    about: 'Keeps what the sandbox is now under a name; with memory also its running programs.',
    params: z.extend(Target, { name: z.optional(SandboxName), memory: z.optional(z.boolean()) }),
    result: z.object({ sandbox: SandboxInfo, snapshot: SnapshotInfo, why_no_memory: z.optional(z.string()) }),
  }),
  'sandbox/restore': () => ({
    about: 'Puts a sandbox back to one of its snapshots; the workspace stays as it is.',
    params: z.extend(Target, { snapshot: SandboxName }),
    result: One,
  }),
  'sandbox/fork': () => ({
    about:
      'Makes running copies of a sandbox. Each copy of a worktree sandbox gets a worktree and a branch of its own. Where the backend keeps no states, the workspace alone is copied.',
    params: z.extend(Target, { count: z.optional(z.int().check(z.minimum(1), z.maximum(64))) }),
    result: z.object({
      sandboxes: z.array(SandboxInfo),
      memory: z.boolean(),
      why_no_memory: z.optional(z.string()),
    }),
  }),
  'snapshot/remove': () => ({
    about: 'Removes one snapshot of a sandbox.',
    params: z.extend(Target, { snapshot: SandboxName }),
    result: One,
  }),
  'sandbox/remove': () => ({
    about: 'Removes a sandbox and its own files, never a worktree. A running one only with force.',
    params: z.extend(Target, { force: z.optional(z.boolean()) }),
    result: z.object({ id: SandboxId }),
  }),
  'sandbox/log': () => ({
    about: 'Where the log of a sandbox is, and its last lines.',
    params: z.extend(Target, { lines: z.optional(z.int().check(z.minimum(0), z.maximum(100_000))) }),
    result: z.object({ path: z.string(), text: z.string() }),
  }),
  'sandbox/ports': () => ({
    about: 'The TCP ports that programs listen on inside.',
    params: Target,
    result: z.object({ ports: z.array(z.object({ port: z.int(), address: z.string() })) }),
  }),
  'sandbox/usage': () => ({
    about: 'What the programs of running sandboxes use of processor and memory, where that can be counted.',
    params: z.object({ sandboxes: z.array(z.string()).check(z.maxLength(MOST_USAGES)) }),
    result: z.object({ usages: z.array(Usage) }),
  }),
  'worktree/open': () => ({
    about: 'Branch, worktree and running sandbox in one step; what exists is reused.',
    params: z.extend(OnBranch, {
      path: z.optional(z.string()),
      from: z.optional(z.string()),
      spec: z.optional(SandboxSpec),
      /** What is agreed to of the asks of the project's file, in its words. */
      trust: z.optional(z.array(z.string())),
    }),
    result: z.object({
      sandbox: SandboxInfo,
      worktree: WorktreeInfo,
      created: z.object({ branch: z.boolean(), worktree: z.boolean(), sandbox: z.boolean() }),
    }),
  }),
  'worktree/branches': () => ({
    about: 'Branches of the repository, most recent first.',
    params: Here,
    result: z.object({ repository: z.string(), current: z.optional(z.string()), branches: z.array(Branch) }),
  }),
  'worktree/list': () => ({
    about: 'Worktrees that have a sandbox; those of one repository when cwd is inside one.',
    params: z.object({ cwd: z.optional(z.string()) }),
    result: z.object({ worktrees: z.array(WorktreeInfo) }),
  }),
  'worktree/remove': () => ({
    about:
      'Removes sandbox and worktree; refuses with uncommitted or unpushed work unless forced. The branch stays.',
    params: z.extend(OnBranch, { force: z.optional(z.boolean()) }),
    result: z.object({ path: z.string(), sandbox: z.optional(SandboxId) }),
  }),
  'worktree/diff': () => ({
    about: 'What the branch and its worktree changed since they left the base branch, as a patch.',
    params: z.extend(OnBranch, { base: z.optional(z.string()), stat: z.optional(z.boolean()) }),
    result: z.object({ base: z.string(), patch: z.string() }),
  }),
  'worktree/merge': () => ({
    about:
      'Merges the branch into the branch that is checked out in the main worktree; a conflict changes nothing.',
    params: OnBranch,
    result: MergeResult,
  }),
  'worktree/import': () => ({
    about:
      'Brings commits that a running sandbox made in a git folder of its own to the repository, as refs below refs/heyvm.',
    params: OnBranch,
    result: ImportResult,
  }),
  'backend/list': () => ({
    about: 'Every backend; with probe also what this machine has.',
    params: z.object({ probe: z.optional(z.boolean()), id: z.optional(z.string()) }),
    result: z.object({ backends: z.array(BackendInfo) }),
  }),
  'backend/test': () => ({
    about: 'Starts a throwaway sandbox on a backend, uses it and removes it; says how long each step took.',
    params: z.object({ id: z.string(), image: z.optional(z.string()), cold: z.optional(z.boolean()) }),
    result: z.object({
      backend: z.string(),
      passed: z.boolean(),
      steps: z.array(
        z.object({
          name: z.string(),
          duration_ms: z.number(),
          outcome: z.enum(['passed', 'failed', 'not run']),
          detail: z.optional(z.string()),
        }),
      ),
    }),
  }),
  ...reviewMethods,
  ...forwardMethods,
  ...imageMethods,
  ...fileMethods,
  ...editorMethods,
  'agent/call': () => ({
    about: 'Calls a tool for an agent; text says what output has as structure.',
    params: z.extend(Here, {
      name: z.string(),
      input: z.unknown(),
      /** Whose repositories may be opened; only cwd when left out. */
      folders: z.optional(z.array(z.string())),
      /** With `reads` only tools that look, and nothing is imported from git folders of guests. */
      tools: z.optional(z.enum(['all', 'reads'])),
    }),
    result: z.object({ text: z.string(), output: z.record(z.string(), z.unknown()) }),
  }),
  'agent/describe': () => ({
    about: 'What a call of a tool would do, for the person who is asked; nothing is done.',
    params: z.object({ name: z.string(), input: z.unknown() }),
    result: z.object({
      title: z.string(),
      effect: z.enum(effects),
      facts: z.array(z.object({ name: z.string(), value: z.string() })),
    }),
  }),
  ...clientMethods,
  ...projectMethods,
  'doctor/run': () => ({
    about: 'Looks at everything that must be right and says what mends the rest.',
    params: None,
    result: z.object({ checks: z.array(Check) }),
  }),
  'doctor/bundle': () => ({
    about: 'Writes what helps to find a fault into one new .tar.gz, with everything secret taken out.',
    params: SupportWish,
    result: SupportBundle,
  }),
  'ssh/install': () => ({
    about: 'Adds one Include line to the OpenSSH configuration of the user.',
    params: z.object({ config: z.optional(z.string()) }),
    result: z.object({ config: z.string(), changed: z.boolean(), include: z.string() }),
  }),
  'ssh/uninstall': () => ({
    about: 'Takes the Include line out again; the rest stays byte for byte.',
    params: z.object({ config: z.optional(z.string()) }),
    result: z.object({ config: z.string(), changed: z.boolean() }),
  }),
  'ssh/status': () => ({
    about: 'Whether OpenSSH sees the aliases, as ssh -G tells it.',
    params: z.object({ config: z.optional(z.string()) }),
    result: z.object({
      config: z.string(),
      installed: z.boolean(),
      effective: z.boolean(),
      problem: z.optional(z.string()),
    }),
  }),
  'ssh/listen': () => ({
    about: 'Offers ssh on a port of loopback, with a key of the sandbox’s own, or ends that.',
    params: z.extend(Target, { on: z.boolean() }),
    result: One,
  }),
  'prune/run': () => ({
    about: 'Removes what no sandbox needs: leftovers of crashes, old versions, expired sandboxes.',
    params: z.object({ dry_run: z.optional(z.boolean()), stopped: z.optional(z.boolean()) }),
    result: z.object({ removed: z.array(z.object({ what: z.string(), path: z.string(), bytes: z.int() })) }),
  }),
});
export type HelperContract = typeof helperContract;

/** Sent by the helper whenever a sandbox appeared, changed or went; the receiver lists again. */
export const sandboxChanged = {
  method: 'sandbox/changed',
  params: z.object({ id: z.optional(SandboxId) }),
} as const;

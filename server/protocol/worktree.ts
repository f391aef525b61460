// Git worktrees and what can be done with the branch that lives in one.
import * as z from 'zod/mini';
import { SandboxInfo } from './sandbox.ts';

export const Branch = z.object({
  name: z.string(),
  kind: z.enum(['local', 'remote']),
  /** The worktree that has it checked out, if any. */
  worktree: z.optional(z.string()),
  subject: z.string(),
  committed_at: z.string(),
});
export type Branch = z.output<typeof Branch>;

export const WorktreeInfo = z.object({
  branch: z.string(),
  path: z.string(),
  repository: z.string(),
  sandbox: z.optional(SandboxInfo),
  /** What a person should know before running git on the host in it. */
  warnings: z.optional(z.array(z.string())),
});
export type WorktreeInfo = z.output<typeof WorktreeInfo>;

export const MergeResult = z.object({
  branch: z.string(),
  into: z.string(),
  commit: z.string(),
  kind: z.enum(['fast-forward', 'merge', 'up-to-date']),
});
export type MergeResult = z.output<typeof MergeResult>;

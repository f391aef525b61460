// Git worktrees and what can be done with the branch that lives in one.
import * as z from 'zod/mini';
import { SandboxId, SandboxInfo } from './sandbox.ts';

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

export const ImportedRef = z.object({
  /** What it is called inside: `HEAD`, a ref, or `stash/` and the commit of an entry. */
  name: z.string(),
  /** What it is called on the host, below `refs/heyvm`. */
  ref: z.string(),
  commit: z.string(),
  /** Those that no branch, tag or remote of the host has. */
  commits: z.int(),
  /** `rewritten`: what was imported before is not part of it any more; the reflog keeps it. */
  kind: z.enum(['new', 'forward', 'rewritten']),
});
export type ImportedRef = z.output<typeof ImportedRef>;

export const ImportResult = z.object({
  sandbox: SandboxId,
  /** Empty when nothing is there that was not imported before. */
  refs: z.array(ImportedRef),
  /** Refs inside whose names the host does not take, quoted. */
  ignored: z.array(z.string()),
});
export type ImportResult = z.output<typeof ImportResult>;

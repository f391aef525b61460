// The methods that show what a branch changed, as part of the contract between a surface and the service.
import * as z from 'zod/mini';
import type { MethodSpec } from './contract.ts';

/** Where a call on worktrees starts: any folder of the repository, absolute. */
const OnBranch = z.object({ cwd: z.string(), branch: z.string().check(z.minLength(1)) });

/** How many files one answer names. */
export const MOST_CHANGED_FILES = 5_000;
/** Bytes of one file that can be looked at, before they become text. */
export const MOST_SHOWN_BYTES = 16 * 1024 * 1024;
/** How many sandboxes one call sums up. */
export const MOST_SUMMARIES = 50;

export const ChangedFile = z.object({
  path: z.string(),
  /** Where it was before, when it was renamed. */
  from: z.optional(z.string()),
  kind: z.enum(['added', 'modified', 'deleted', 'renamed', 'type-changed']),
  binary: z.boolean(),
  /** Lines; absent for binary files. */
  added: z.optional(z.int()),
  removed: z.optional(z.int()),
});
export type ChangedFile = z.output<typeof ChangedFile>;

export const BranchSummary = z.object({
  sandbox: z.string(),
  /** The branch that it is compared with. */
  base: z.optional(z.string()),
  /** Commits that only the branch has, and those that only the other one has. */
  ahead: z.optional(z.int()),
  behind: z.optional(z.int()),
  /** Changed and new files; absent where nothing runs that could count them. */
  dirty: z.optional(z.int()),
});
export type BranchSummary = z.output<typeof BranchSummary>;

export const BranchCommit = z.object({
  id: z.string(),
  author: z.string(),
  authored_at: z.string(),
  subject: z.string(),
});
export type BranchCommit = z.output<typeof BranchCommit>;

export const PickResult = z.object({
  branch: z.string(),
  into: z.string(),
  /** Where the branch is that they were picked into. */
  commit: z.string(),
  /** Those that changed something there. */
  taken: z.int(),
});
export type PickResult = z.output<typeof PickResult>;

const CommitId = z.string().check(z.regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'must be a full commit id'));
const MOST_PICKS = 500;

export const reviewMethods = {
  'worktree/changes': () => ({
    about: 'The files that the branch and its worktree changed since they left the base branch.',
    params: z.extend(OnBranch, { base: z.optional(z.string()) }),
    result: z.object({
      /** The commit where they left it. */
      base: z.string(),
      files: z.array(ChangedFile),
      /** How many more there are than one answer names. */
      left_out: z.int(),
    }),
  }),
  'worktree/content': () => ({
    about: 'One side of a changed file, in base64; absent when there is no such file on that side.',
    params: z.extend(OnBranch, {
      /** The commit to read it from; its present state in the worktree when left out. */
      commit: z.optional(CommitId),
      /** Relative to the worktree. */
      path: z.string().check(z.minLength(1)),
    }),
    result: z.object({ data: z.optional(z.string()) }),
  }),
  'worktree/commits': () => ({
    about:
      'The commits of a branch that the one in the main worktree lacks, the oldest first, without merges.',
    params: OnBranch,
    result: z.object({ into: z.string(), commits: z.array(BranchCommit) }),
  }),
  'worktree/pick': () => ({
    about:
      'Takes single commits of a branch over into the main worktree, all or none; a conflict changes nothing.',
    params: z.extend(OnBranch, {
      commits: z.array(CommitId).check(z.minLength(1), z.maxLength(MOST_PICKS)),
    }),
    result: PickResult,
  }),
  'worktree/summaries': () => ({
    about: 'How far the branches of sandboxes are from their base, and how many files are changed inside.',
    params: z.object({ sandboxes: z.array(z.string()).check(z.maxLength(MOST_SUMMARIES)) }),
    result: z.object({ summaries: z.array(BranchSummary) }),
  }),
} as const satisfies Readonly<Record<string, () => MethodSpec>>;

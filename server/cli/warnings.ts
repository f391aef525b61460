// Tells of what did not stop the command: what is broken in the store, and what a guest left for git on the host.
import type { Problem } from '../protocol/doctor.ts';
import type { Unfollowed } from '../protocol/projectFile.ts';
import type { WorktreeInfo } from '../protocol/worktree.ts';
import type { Output } from './output.ts';

export function warnOfProblems(out: Output, problems: readonly Problem[]): void {
  for (const { path, message, hint } of problems) {
    out.warn(`${path}: ${message}${hint === undefined ? '' : `; ${hint}`}`);
  }
}

export function warnOfWorktree(out: Output, { path, warnings = [] }: WorktreeInfo): void {
  for (const warning of warnings) out.warn(`${path}: ${warning}`);
}

/** Everything that the file of another tool says in vain. */
export function warnOfUnfollowed(
  out: Output,
  { path, unfollowed }: { readonly path: string; readonly unfollowed: readonly Unfollowed[] },
): void {
  for (const { what, why } of unfollowed) out.warn(`${path}: ${what} is not followed: ${why}`);
}

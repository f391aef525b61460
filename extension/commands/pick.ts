// Commands at the end of a branch's life: taking single commits over, and clearing up after it.
import * as vscode from 'vscode';
import type { Result } from '../../server/protocol/contract.ts';
import type { HelperContract } from '../../server/protocol/helper.ts';
import type { BranchCommit } from '../../server/protocol/reviewMethods.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { ageOf } from '../age.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { asked } from './arguments.ts';
import { branchFor, removeMerged } from './review.ts';

type Picked = Result<HelperContract, 'worktree/pick'>;

/** `{sandbox, commits: [id, …], confirmed: true}`: a program that asks has already got the person's consent. */
export async function cherryPick(parts: Parts, argument: unknown): Promise<Picked | undefined> {
  const found = await branchFor(parts, argument, 'The branch whose commits to pick');
  if (found === undefined) return undefined;
  const { repository: cwd, branch } = found.worktree;
  const given = asked(argument);
  const named = Array.isArray(given['commits']) ? given['commits'].map(String) : undefined;
  const commits =
    named !== undefined && given['confirmed'] === true ? named : await chooseCommits(parts, { cwd, branch });
  if (commits === undefined || commits.length === 0) return undefined;
  const picked = await withProgress({ title: `Picking from ${branch}` }, options =>
    parts.helper.call('worktree/pick', { cwd, branch, commits: [...commits] }, options),
  );
  parts.branches.refresh();
  if (named === undefined) void vscode.window.showInformationMessage(pickedText(picked));
  return picked;
}

/** `{sandbox, confirmed: true}`. Refuses while there is work that is nowhere else. */
export async function cleanUp(parts: Parts, argument: unknown): Promise<SandboxInfo | undefined> {
  const found = await branchFor(parts, argument, 'The branch to clean up after');
  if (found === undefined) return undefined;
  const { branch, path } = found.worktree;
  const clean = 'Clean Up';
  const detail = `Its sandbox and the worktree ${path} are removed; what runs inside ends. Branch and commits stay. With changes that are not committed, or commits that no other branch and no remote has, nothing is removed.`;
  const isSure =
    asked(argument)['confirmed'] === true ||
    (await vscode.window.showWarningMessage(`Clean up after ${branch}?`, { modal: true, detail }, clean)) ===
      clean;
  if (!isSure) return undefined;
  await removeMerged(parts, found);
  vscode.window.setStatusBarMessage(`$(check) Cleaned up after ${branch}`, 4_000);
  return found.sandbox;
}

type Branch = { readonly cwd: string; readonly branch: string };

async function chooseCommits(parts: Parts, { cwd, branch }: Branch): Promise<readonly string[] | undefined> {
  const { commits, into } = await parts.helper.call('worktree/commits', { cwd, branch });
  if (commits.length === 0) {
    void vscode.window.showInformationMessage(`${into} has everything of ${branch}.`);
    return undefined;
  }
  const items = commits.map(commit => ({ ...lineOf(commit), commit }));
  const chosen = await vscode.window.showQuickPick(items, {
    title: `Commits of ${branch} that ${into} lacks, the oldest first`,
    placeHolder: 'Those to take over',
    canPickMany: true,
    matchOnDescription: true,
  });
  if (chosen === undefined || chosen.length === 0) return undefined;
  // In the order of the branch, whatever order they were chosen in.
  const ids = new Set(chosen.map(({ commit }) => commit.id));
  const ordered = commits.filter(({ id }) => ids.has(id)).map(({ id }) => id);
  const pick = 'Pick';
  const count = ordered.length === 1 ? 'this commit' : `these ${ordered.length} commits`;
  const detail = `Copies of ${count} are put on ${into} in ${cwd}. A conflict changes nothing.`;
  const question = `Pick ${ordered.length === 1 ? '1 commit' : `${ordered.length} commits`} of ${branch} onto ${into}?`;
  const sure = await vscode.window.showInformationMessage(question, { modal: true, detail }, pick);
  return sure === pick ? ordered : undefined;
}

function lineOf({ id, subject, author, authored_at }: BranchCommit): vscode.QuickPickItem {
  return {
    label: subject,
    description: id.slice(0, 9),
    detail: `${author}, ${ageOf(authored_at, Date.now())}`,
  };
}

function pickedText({ taken, branch, into }: Picked): string {
  if (taken === 0) return `${into} had all of that already.`;
  return `${taken === 1 ? '1 commit' : `${taken} commits`} of ${branch} ${taken === 1 ? 'is' : 'are'} on ${into} now.`;
}

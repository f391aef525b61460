// Commands about what a branch changed: looking at it, merging it back, keeping it as a patch.
import * as vscode from 'vscode';
import type { Result } from '../../server/protocol/contract.ts';
import type { HelperContract } from '../../server/protocol/helper.ts';
import type { SandboxInfo, WorktreeRef } from '../../server/protocol/sandbox.ts';
import { CallFailure } from '../failure.ts';
import { forgetWindow } from '../handOff/localWindow.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { type Changes, openChanges } from '../review/openChanges.ts';
import { asked, sandboxFor, textIn } from './arguments.ts';

export type OfBranch = { readonly sandbox: SandboxInfo; readonly worktree: WorktreeRef };

/** `{sandbox, base, open: 'none'}`; a program gets the files and nothing opens. */
export async function showChanges(parts: Parts, argument: unknown): Promise<Changes | undefined> {
  const found = await branchFor(parts, argument, 'The branch whose changes to show');
  if (found === undefined) return undefined;
  const given = asked(argument);
  const { repository: cwd, branch } = found.worktree;
  const base = textIn(given, 'base');
  const params = { cwd, branch, ...(base === undefined ? {} : { base }) };
  const changes = await withProgress({ title: `Looking for changes of ${branch}` }, options =>
    parts.helper.call('worktree/changes', params, options),
  );
  if (textIn(given, 'open') === 'none') return changes;
  if (changes.files.length === 0)
    void vscode.window.showInformationMessage(`${branch} changed nothing since it left its base.`);
  else await openChanges({ cwd, branch }, changes);
  return changes;
}

type Merged = Result<HelperContract, 'worktree/merge'>;

/** `{sandbox, confirmed: true, afterwards: 'remove' | 'keep'}`: a program that asks has already got the person's consent. */
export async function mergeBack(parts: Parts, argument: unknown): Promise<Merged | undefined> {
  const found = await branchFor(parts, argument, 'The branch to merge back');
  if (found === undefined) return undefined;
  const given = asked(argument);
  const { repository: cwd, branch } = found.worktree;
  if (given['confirmed'] !== true && !(await confirmMerge(parts, found))) return undefined;
  const merged = await withProgress({ title: `Merging ${branch}` }, options =>
    parts.helper.call('worktree/merge', { cwd, branch }, options),
  );
  // Every branch is at another distance from where it was merged.
  parts.branches.refresh();
  const next =
    textIn(given, 'afterwards') ?? (given['confirmed'] === true ? 'keep' : await askWhatThen(merged));
  if (next === 'remove') await removeMerged(parts, found);
  return merged;
}

/** `{sandbox, to}`: a path on this machine; without it the person is asked. */
export async function savePatch(parts: Parts, argument: unknown): Promise<vscode.Uri | undefined> {
  const found = await branchFor(parts, argument, 'The branch whose changes to keep as a patch');
  if (found === undefined) return undefined;
  const { repository: cwd, branch } = found.worktree;
  const named = textIn(asked(argument), 'to');
  const proposal = vscode.Uri.file(`${cwd}/../${branch.replaceAll('/', '-')}.patch`);
  const to =
    named === undefined
      ? await vscode.window.showSaveDialog({ defaultUri: proposal, filters: { Patch: ['patch', 'diff'] } })
      : vscode.Uri.file(named);
  if (to === undefined) return undefined;
  const { patch } = await withProgress({ title: `Making a patch of ${branch}` }, options =>
    parts.helper.call('worktree/diff', { cwd, branch }, options),
  );
  await vscode.workspace.fs.writeFile(to, Buffer.from(patch));
  vscode.window.setStatusBarMessage(`$(check) Saved ${to.fsPath}`, 4_000);
  return to;
}

export async function branchFor(
  parts: Parts,
  argument: unknown,
  placeholder: string,
): Promise<OfBranch | undefined> {
  const sandbox = await sandboxFor(parts, argument, {
    placeholder,
    fits: ({ worktree }) => worktree !== undefined,
  });
  if (sandbox === undefined) return undefined;
  const { worktree, name } = sandbox;
  if (worktree !== undefined) return { sandbox, worktree };
  throw new CallFailure({
    code: 'usage',
    message: `sandbox ${name} has no branch of its own`,
    hint: 'open a branch in a sandbox',
  });
}

async function confirmMerge(parts: Parts, { sandbox, worktree }: OfBranch): Promise<boolean> {
  const { repository: cwd, branch } = worktree;
  // What is merged are commits that the host has; those of a git folder of the guest's own are fetched first.
  if (sandbox.workspace.git === 'private' && sandbox.status === 'running')
    await parts.helper.call('worktree/import', { cwd, branch });
  const [{ current }, { summaries }] = await Promise.all([
    parts.helper.call('worktree/branches', { cwd }),
    parts.helper.call('worktree/summaries', { sandboxes: [sandbox.id] }),
  ]);
  const [summary] = summaries;
  const detail = [
    `${commits(summary?.ahead)} of ${branch} will be merged into ${current ?? 'the branch that is checked out'} in ${cwd}.`,
    'A conflict changes nothing.',
    dirtyText(summary?.dirty),
  ];
  const merge = 'Merge';
  const question = `Merge ${branch} into ${current ?? 'the main worktree'}?`;
  const options = { modal: true, detail: detail.filter(Boolean).join(' ') };
  return (await vscode.window.showInformationMessage(question, options, merge)) === merge;
}

function commits(ahead: number | undefined): string {
  if (ahead === undefined) return 'The commits';
  return ahead === 1 ? '1 commit' : `${ahead} commits`;
}

function dirtyText(dirty: number | undefined): string {
  if (dirty === undefined) return 'What is not committed inside stays out of it.';
  if (dirty === 0) return '';
  return `${dirty === 1 ? '1 file is' : `${dirty} files are`} changed inside and not committed, and will stay out of it.`;
}

async function askWhatThen({ branch, into, kind }: Merged): Promise<'remove' | 'keep'> {
  const remove = 'Remove Sandbox and Worktree';
  const text =
    kind === 'up-to-date'
      ? `${into} already has everything of ${branch}.`
      : `${branch} was merged into ${into}.`;
  const detail = 'Branch and commits stay. Work that was not merged makes this refuse.';
  const chosen = await vscode.window.showInformationMessage(`${text} ${detail}`, remove, 'Keep');
  return chosen === remove ? 'remove' : 'keep';
}

/** Never by force: what would be lost is told, and stays. */
export async function removeMerged(parts: Parts, { sandbox, worktree }: OfBranch): Promise<void> {
  const { repository: cwd, branch } = worktree;
  await withProgress({ title: `Removing ${branch}` }, options =>
    parts.helper.call('worktree/remove', { cwd, branch }, options),
  );
  await forgetWindow(parts.context, sandbox);
}

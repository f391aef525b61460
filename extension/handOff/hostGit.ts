// Keeps the editor's own git, which runs on the host, away from worktrees that a guest writes.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Parts } from '../parts.ts';

const IGNORE_CONSENT = 'consent.ignoredRepositories';

/** The editor opens worktrees of an open repository by itself; asked once, later worktrees follow the answer. */
export async function offerToIgnoreWorktree(parts: Parts, sandbox: SandboxInfo): Promise<void> {
  const git = vscode.workspace.getConfiguration('git');
  const path = sandbox.worktree?.path;
  if (path === undefined || git.get('enabled') === false || ignored(git).includes(path)) return;
  const state = parts.context.globalState;
  if (state.get(IGNORE_CONSENT) === undefined) {
    const ignore = 'Ignore Worktrees of Sandboxes';
    const refuse = 'Do Not';
    const answer = await vscode.window.showInformationMessage(
      `The editor's source control would run git on this machine over files that a sandbox writes. Leave ${path} out of it?`,
      ignore,
      refuse,
    );
    if (answer === undefined) return;
    await state.update(IGNORE_CONSENT, answer === ignore ? 'given' : 'refused');
  }
  if (state.get(IGNORE_CONSENT) !== 'given') return;
  await git.update('ignoredRepositories', [...ignored(git), path], vscode.ConfigurationTarget.Global);
}

function ignored(git: vscode.WorkspaceConfiguration): readonly string[] {
  return git.inspect<string[]>('ignoredRepositories')?.globalValue ?? [];
}

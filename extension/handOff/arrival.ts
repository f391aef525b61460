// What happens first in a window that a hand-off opened.
import * as vscode from 'vscode';
import { startSandbox } from '../commands/life.ts';
import type { Parts } from '../parts.ts';
import { sandboxOfWindow, windowSandbox } from '../windowSandbox.ts';
import { rewriteWindowFile, writeWindowFile } from './localWindow.ts';

const TOLD = 'told.localWindow';

/** Any other window is left alone, and needs no helper yet. */
export async function arrive(parts: Parts): Promise<void> {
  const here = windowSandbox();
  if (here.kind === 'none') return;
  await parts.sandboxes.load();
  if (here.kind === 'inside') return await reopen(parts, here.name);
  const sandbox = sandboxOfWindow(parts.sandboxes.all);
  if (sandbox === undefined) {
    void vscode.window.showWarningMessage(
      `The sandbox ${here.name} of this window is gone. Its worktree is still here.`,
    );
    return;
  }
  // An update of the extension has moved the launcher that the file names.
  await writeWindowFile(parts.context, sandbox);
  // In a browser the editor can miss the folders of a file that it reads while it is still connecting.
  if ((vscode.workspace.workspaceFolders ?? []).length === 0) await rewriteWindowFile(parts.context, sandbox);
  // The editor brings back the terminals that a window had when it was closed.
  if (sandbox.status === 'running' && vscode.window.terminals.length === 0) parts.terminals.open(sandbox);
  await tellOnce(parts.context);
}

/** A window from the list of recent ones: what was stopped on purpose stays so until the person says otherwise. */
async function reopen(parts: Parts, name: string): Promise<void> {
  const sandbox = sandboxOfWindow(parts.sandboxes.all);
  if (sandbox === undefined) {
    void vscode.window.showWarningMessage(`The sandbox ${name} of this window is gone.`);
    return;
  }
  if (sandbox.comes_back === true) {
    await startSandbox(parts, sandbox);
    return;
  }
  switch (sandbox.status) {
    case 'created':
    case 'failed':
    case 'stopped':
    case 'paused': {
      const start = sandbox.status === 'paused' ? 'Resume' : 'Start';
      const answer = await vscode.window.showInformationMessage(
        `The sandbox ${name} is ${sandbox.status}.`,
        start,
      );
      if (answer === 'Start') await startSandbox(parts, sandbox);
      if (answer === 'Resume') await parts.helper.call('sandbox/resume', { sandbox: sandbox.id });
      return;
    }
    default:
    // It runs, or whoever starts or stops it now decides.
  }
}

async function tellOnce(context: vscode.ExtensionContext): Promise<void> {
  if (context.globalState.get(TOLD) !== undefined) return;
  const understood = 'Understood';
  const answer = await vscode.window.showInformationMessage(
    'Terminals, shell tasks and programs of Node that you debug are inside the sandbox; other debuggers ask first. Extensions still run on this machine and read files that the sandbox writes, so trust this window as far as you trust the sandbox. Source control is off here; use git in a terminal.',
    understood,
  );
  if (answer === understood) await context.globalState.update(TOLD, true);
}

// Asks for a sandbox when a command was not called on one.
import * as vscode from 'vscode';
import type { SandboxInfo, SandboxStatus } from '../../server/protocol/sandbox.ts';
import type { Sandboxes } from '../sandboxes.ts';
import { pictureOf, summaryOf, titleOf } from '../views/describe.ts';
import { sandboxOfWindow } from '../windowSandbox.ts';

export type SandboxQuestion = {
  readonly placeholder: string;
  /** Only sandboxes in one of these states; all when left out. */
  readonly states?: readonly SandboxStatus[];
  /** Only those with which this can be done. */
  readonly fits?: (sandbox: SandboxInfo) => boolean;
};

type Item = vscode.QuickPickItem & { readonly sandbox: SandboxInfo };

/** Undefined when the person turned away, or was told that there is none. */
export async function pickSandbox(
  sandboxes: Sandboxes,
  question: SandboxQuestion,
): Promise<SandboxInfo | undefined> {
  const listing = await sandboxes.load();
  if (listing.kind === 'failed') throw listing.error;
  const { states, fits } = question;
  const fitting = sandboxes.all.filter(
    sandbox => (states?.includes(sandbox.status) ?? true) && (fits?.(sandbox) ?? true),
  );
  if (fitting.length === 0) {
    void tellThereIsNone(sandboxes.all.length);
    return undefined;
  }
  const chosen = await vscode.window.showQuickPick(itemsOf(fitting), {
    placeHolder: question.placeholder,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return chosen?.sandbox;
}

/** The sandbox of this window comes first. */
function itemsOf(sandboxes: readonly SandboxInfo[]): Item[] {
  const current = sandboxOfWindow(sandboxes);
  const ordered =
    current === undefined ? sandboxes : [current, ...sandboxes.filter(other => other !== current)];
  return ordered.map(sandbox => ({
    label: `$(${pictureOf(sandbox).icon}) ${titleOf(sandbox)}`,
    description: summaryOf(sandbox),
    ...(sandbox.worktree === undefined ? {} : { detail: sandbox.worktree.path }),
    sandbox,
  }));
}

async function tellThereIsNone(total: number): Promise<void> {
  if (total > 0) {
    await vscode.window.showInformationMessage('There is no sandbox with which this can be done now.');
    return;
  }
  const open = 'Open Branch in Sandbox';
  const chosen = await vscode.window.showInformationMessage('There is no sandbox yet.', open);
  if (chosen === open) await vscode.commands.executeCommand('heyvm.openBranch');
}

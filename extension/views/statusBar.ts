// The status bar item: the sandbox of this window, or how many run, and how the helper is.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Helper, HelperState } from '../helper.ts';
import type { Sandboxes } from '../sandboxes.ts';
import { sandboxOfWindow, type WindowSandbox, windowSandbox } from '../windowSandbox.ts';
import { pictureOf, spokenSummaryOf, titleOf } from './describe.ts';

export class StatusBar implements vscode.Disposable {
  readonly #helper: Helper;
  readonly #sandboxes: Sandboxes;
  readonly #item: vscode.StatusBarItem;
  readonly #subscriptions: vscode.Disposable[];

  constructor(helper: Helper, sandboxes: Sandboxes) {
    this.#helper = helper;
    this.#sandboxes = sandboxes;
    this.#item = vscode.window.createStatusBarItem('heyvm.status', vscode.StatusBarAlignment.Left, 10);
    this.#item.name = 'heyvm';
    this.#item.command = 'heyvm.menu';
    this.#subscriptions = [
      helper.onDidChangeState(() => this.#paint()),
      sandboxes.onDidChange(() => this.#paint()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.#paint()),
    ];
  }

  get text(): string {
    return this.#item.text;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#item.dispose();
  }

  #paint(): void {
    const trouble = troubleOf(this.#helper.state);
    const current = sandboxOfWindow(this.#sandboxes.all);
    if (trouble !== undefined) this.#show(trouble);
    else if (current !== undefined) this.#show(currentFace(current, windowSandbox().kind));
    else this.#show(countFace(this.#sandboxes.all));
  }

  #show(face: Face): void {
    this.#item.text = face.text;
    this.#item.tooltip = face.tooltip;
    this.#item.accessibilityInformation = { label: `heyvm: ${face.tooltip}`, role: 'button' };
    this.#item.backgroundColor = face.isWarning
      ? new vscode.ThemeColor('statusBarItem.warningBackground')
      : undefined;
    this.#item.show();
  }
}

type Face = { readonly text: string; readonly tooltip: string; readonly isWarning: boolean };

function troubleOf(state: HelperState): Face | undefined {
  if (state.kind === 'given-up') {
    return { text: '$(warning) heyvm', tooltip: `The helper does not run: ${state.reason}`, isWarning: true };
  }
  if (state.kind === 'waiting') {
    return {
      text: '$(sync~spin) heyvm',
      tooltip: 'The helper ended and is being started again',
      isWarning: false,
    };
  }
  return undefined;
}

/** Where only a part of the window is inside, the item says which. */
function currentFace(sandbox: SandboxInfo, kind: WindowSandbox['kind']): Face {
  const part = kind === 'worktree' ? ': terminals inside' : '';
  const whole =
    kind === 'worktree'
      ? '. Terminals, shell tasks and debugged programs of Node run inside; extensions run on this machine'
      : '';
  return {
    text: `$(${pictureOf(sandbox).icon}) ${titleOf(sandbox)}${part}`,
    tooltip: `${spokenSummaryOf(sandbox)}${whole}`,
    isWarning: sandbox.status === 'failed',
  };
}

function countFace(sandboxes: readonly SandboxInfo[]): Face {
  const running = sandboxes.filter(sandbox => sandbox.status === 'running').length;
  const tooltip = `${running} of ${sandboxes.length} sandboxes running`;
  return { text: `$(vm) ${running}`, tooltip, isWarning: false };
}

// The log of a sandbox as a read-only document.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../server/protocol/sandbox.ts';
import type { Helper } from './helper.ts';
import { LOG_SCHEME } from './names.ts';

const LINES = 5_000;

/** The path is what the tab shows; the query is what counts. */
export function logUri(sandbox: SandboxInfo): vscode.Uri {
  return vscode.Uri.from({ scheme: LOG_SCHEME, path: `/${sandbox.name}.log`, query: sandbox.id });
}

export function sandboxOfLog(uri: vscode.Uri): string {
  return uri.query;
}

/** Reads anew whenever sandboxes change, so that an open log ends with how its sandbox ended. */
export class LogDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #helper: Helper;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #listening: vscode.Disposable;

  readonly onDidChange = this.#changed.event;

  constructor(helper: Helper) {
    this.#helper = helper;
    this.#listening = helper.onDidChangeSandbox(() => {
      const open = vscode.workspace.textDocuments.filter(({ uri }) => uri.scheme === LOG_SCHEME);
      for (const { uri } of open) this.#changed.fire(uri);
    });
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { text } = await this.#helper.call('sandbox/log', { sandbox: sandboxOfLog(uri), lines: LINES });
    return text === '' ? 'Nothing was logged yet.\n' : text;
  }

  dispose(): void {
    this.#listening.dispose();
    this.#changed.dispose();
  }
}

// The files that the helper knows about as a language server, and its start when one of them is opened.
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';

type Selector = { scheme: string; pattern: string }[];

/** Also where a project is seen through a window on its sandbox. */
const schemes = ['file', 'vscode-remote', 'heyvm'];

/** As a language client and the editor both understand them. */
export function ourFiles(): Selector {
  const home = process.env['HEYO_HOME'] ?? join(homedir(), '.heyo');
  return [
    ...schemes.map(scheme => ({ scheme, pattern: '**/.heyvm/sandbox.yaml' })),
    { scheme: 'file', pattern: join(home, 'settings.json').replaceAll('\\', '/') },
  ];
}

/** Whoever opens one gets its language service; until then there is no helper. */
export function wakeForOurFiles(helper: { wake(): Promise<void> }): vscode.Disposable {
  const selector = ourFiles();
  const look = (document: vscode.TextDocument): void => {
    if (vscode.languages.match(selector, document) === 0) return;
    // Whoever supervises the helper says why it cannot be started.
    helper.wake().catch(() => undefined);
  };
  for (const document of vscode.workspace.textDocuments) look(document);
  return vscode.workspace.onDidOpenTextDocument(look);
}

// The folders of this window that are on the machine of the helper.
import * as vscode from 'vscode';

export function localFolders(): readonly vscode.Uri[] {
  const all = vscode.workspace.workspaceFolders ?? [];
  return all.map(({ uri }) => uri).filter(({ scheme }) => scheme === 'file');
}

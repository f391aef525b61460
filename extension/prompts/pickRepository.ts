// Finds the folder whose repository a command is about; asks only when there is more than one.
import * as vscode from 'vscode';

/** Undefined when the person turned away. */
export async function pickRepository(): Promise<string | undefined> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(folder => folder.uri.scheme === 'file');
  if (folders.length === 1) return folders[0]?.uri.fsPath;
  if (folders.length === 0) return await pickFolder('Choose Repository');
  const items = folders.map(folder => ({
    label: `$(repo) ${folder.name}`,
    description: folder.uri.fsPath,
    path: folder.uri.fsPath,
  }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: 'The repository of the branch' });
  return chosen?.path;
}

export async function pickFolder(openLabel: string): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    canSelectMany: false,
    openLabel,
  });
  return chosen?.[0]?.fsPath;
}

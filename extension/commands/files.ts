// Commands about the files of a sandbox: its folder in the editor, and copies in and out.
import { basename, posix } from 'node:path';
import * as vscode from 'vscode';
import { FILE_SCHEME, WORKSPACE } from '../names.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { asked, sandboxFor, textIn } from './arguments.ts';
import { startSandbox } from './life.ts';

/** Adds the workspace of a sandbox to this window as a folder; a program gets the folder's address and nothing opens. */
export async function browseFiles(parts: Parts, argument: unknown): Promise<vscode.Uri | undefined> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox whose files to browse' });
  if (sandbox === undefined) return undefined;
  const { name } = await startSandbox(parts, sandbox);
  const uri = vscode.Uri.from({ scheme: FILE_SCHEME, authority: name, path: WORKSPACE });
  if (textIn(asked(argument), 'open') === 'none') return uri;
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) {
    await vscode.commands.executeCommand('vscode.openFolder', uri, { forceNewWindow: false });
    return uri;
  }
  if (!folders.some(folder => folder.uri.toString() === uri.toString()))
    vscode.workspace.updateWorkspaceFolders(folders.length, 0, { uri, name: `${name} (inside)` });
  await vscode.commands.executeCommand('workbench.view.explorer');
  return uri;
}

/** `{from, to}` on either side; without them the person chooses. */
export async function copyIn(parts: Parts, argument: unknown): Promise<unknown> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox to copy into' });
  if (sandbox === undefined) return undefined;
  const given = asked(argument);
  const from = textIn(given, 'from') ?? (await pickOnHost({ files: true, label: 'Copy In' }));
  if (from === undefined) return undefined;
  const to = textIn(given, 'to') ?? posix.join(WORKSPACE, basename(from));
  return await copy(parts, { sandbox: sandbox.id, direction: 'in', from, to });
}

export async function copyOut(parts: Parts, argument: unknown): Promise<unknown> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox to copy out of' });
  if (sandbox === undefined) return undefined;
  const given = asked(argument);
  const from = textIn(given, 'from') ?? (await askForPath());
  if (from === undefined) return undefined;
  const to = textIn(given, 'to') ?? (await pickOnHost({ files: false, label: 'Copy Here' }));
  if (to === undefined) return undefined;
  return await copy(parts, { sandbox: sandbox.id, direction: 'out', from, to });
}

type Copy = {
  readonly sandbox: string;
  readonly direction: 'in' | 'out';
  readonly from: string;
  readonly to: string;
};

async function copy(parts: Parts, what: Copy): Promise<unknown> {
  const title = `heyvm: copying ${posix.basename(what.from)} ${what.direction === 'in' ? 'into' : 'out of'} the sandbox`;
  const done = await withProgress({ title }, options => parts.helper.call('files/copy', what, options));
  const count = done.files === 1 ? '1 file' : `${done.files} files`;
  vscode.window.setStatusBarMessage(`$(check) Copied ${count} to ${what.to}`, 4_000);
  return done;
}

async function pickOnHost(what: {
  readonly files: boolean;
  readonly label: string;
}): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: what.files,
    canSelectFolders: true,
    canSelectMany: false,
    openLabel: what.label,
  });
  return chosen?.[0]?.fsPath;
}

async function askForPath(): Promise<string | undefined> {
  return await vscode.window.showInputBox({
    title: 'Copy out of the sandbox',
    prompt: 'An absolute path inside',
    value: `${WORKSPACE}/`,
    validateInput: value => (value.startsWith('/') ? undefined : 'The path must begin with /'),
  });
}

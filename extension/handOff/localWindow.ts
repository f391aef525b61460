// A window on a worktree whose terminals are inside its sandbox, without a file of ours in the worktree.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { PROFILE_TITLE } from '../names.ts';
import { titleOf } from '../views/describe.ts';
import { WINDOW_FILE_SUFFIX } from '../windowSandbox.ts';

export async function openLocalWindow(storage: vscode.Uri, sandbox: SandboxInfo): Promise<void> {
  const file = await writeWindowFile(storage, sandbox);
  await vscode.commands.executeCommand('vscode.openFolder', file, { forceNewWindow: true });
}

/** The settings live in a workspace file of our own, because a `.vscode` folder would show up in the branch. */
export async function writeWindowFile(storage: vscode.Uri, sandbox: SandboxInfo): Promise<vscode.Uri> {
  const file = windowFile(storage, sandbox);
  const text = `${JSON.stringify(windowContent(sandbox), null, 2)}\n`;
  await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(file, '..'));
  await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(text));
  return file;
}

export async function forgetWindow(storage: vscode.Uri, sandbox: SandboxInfo): Promise<void> {
  try {
    await vscode.workspace.fs.delete(windowFile(storage, sandbox));
  } catch {
    // Most sandboxes never had a window of their own.
  }
}

function windowFile(storage: vscode.Uri, sandbox: SandboxInfo): vscode.Uri {
  return vscode.Uri.joinPath(storage, 'windows', `${sandbox.name}${WINDOW_FILE_SUFFIX}`);
}

/**
 * The editor's git would run on the host over files that the guest writes, and git runs programs that such files
 * name, so it is off here; git works in the terminals, inside. Tasks of this window run inside as well.
 */
function windowContent(sandbox: SandboxInfo) {
  const path = sandbox.worktree?.path ?? sandbox.workspace.path;
  const terminals = Object.fromEntries(
    ['linux', 'osx', 'windows'].map(platform => [
      `terminal.integrated.defaultProfile.${platform}`,
      PROFILE_TITLE,
    ]),
  );
  return {
    folders: [{ name: titleOf(sandbox), path }],
    settings: { ...terminals, 'git.enabled': false, 'git.autoRepositoryDetection': false },
  };
}

// A window on a worktree whose terminals and tasks are inside its sandbox, without a file of ours in the worktree.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { PROFILE_TITLE } from '../names.ts';
import { launcherProgram } from '../program.ts';
import { readSettings } from '../settings.ts';
import { titleOf } from '../views/describe.ts';
import { WINDOW_FILE_SUFFIX, WINDOW_FOLDER } from '../windowSandbox.ts';

/** Where window files are kept, and where the launcher is that they name. */
export type WindowPlace = Pick<vscode.ExtensionContext, 'globalStorageUri' | 'extensionPath'>;

const platforms = ['linux', 'osx', 'windows'] as const;

export async function openLocalWindow(place: WindowPlace, sandbox: SandboxInfo): Promise<void> {
  const file = await writeWindowFile(place, sandbox);
  await vscode.commands.executeCommand('vscode.openFolder', file, { forceNewWindow: true });
}

/**
 * The settings live in a workspace file of our own, because a `.vscode` folder would show up in the branch.
 * A file that is right already is left alone, for the editor reads every write of it anew.
 */
export async function writeWindowFile(place: WindowPlace, sandbox: SandboxInfo): Promise<vscode.Uri> {
  const file = windowFile(place, sandbox);
  if ((await readIfExists(file)) !== windowText(place, sandbox)) await rewriteWindowFile(place, sandbox);
  return file;
}

/** Makes a window that is open on the file read it anew. */
export async function rewriteWindowFile(place: WindowPlace, sandbox: SandboxInfo): Promise<void> {
  const file = windowFile(place, sandbox);
  await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(file, '..'));
  await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(windowText(place, sandbox)));
}

export async function forgetWindow(place: WindowPlace, sandbox: SandboxInfo): Promise<void> {
  try {
    await vscode.workspace.fs.delete(windowFile(place, sandbox));
  } catch {
    // Most sandboxes never had a window of their own.
  }
}

function windowFile(place: WindowPlace, sandbox: SandboxInfo): vscode.Uri {
  const name = `${sandbox.name}${WINDOW_FILE_SUFFIX}`;
  return vscode.Uri.joinPath(place.globalStorageUri, WINDOW_FOLDER, name);
}

function windowText(place: WindowPlace, sandbox: SandboxInfo): string {
  return `${JSON.stringify(windowContent(place, sandbox), null, 2)}\n`;
}

/**
 * The editor's git would run on the host over files that the guest writes, and git runs programs that such files
 * name, so it is off here; git works in the terminals, inside.
 */
function windowContent(place: WindowPlace, sandbox: SandboxInfo) {
  const path = sandbox.worktree?.path ?? sandbox.workspace.path;
  return {
    folders: [{ name: titleOf(sandbox), path }],
    settings: {
      ...terminalSettings(place, sandbox),
      'git.enabled': false,
      'git.autoRepositoryDetection': false,
    },
  };
}

/** Tasks know no contributed profiles; without one of their own they would run in a shell of the host. */
function terminalSettings(place: WindowPlace, sandbox: SandboxInfo): Record<string, unknown> {
  const args = ['exec', '--tty', sandbox.id, '--', 'sh'];
  const program = launcherProgram(place.extensionPath, readSettings(), args);
  const automation = { path: program.file, args: program.args, env: program.env };
  return Object.fromEntries(
    platforms.flatMap(platform => [
      [`terminal.integrated.defaultProfile.${platform}`, PROFILE_TITLE],
      [`terminal.integrated.automationProfile.${platform}`, automation],
    ]),
  );
}

async function readIfExists(file: vscode.Uri): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(file));
  } catch {
    // The first window of this sandbox.
    return undefined;
  }
}

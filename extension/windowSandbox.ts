// Which sandbox this window was opened for, if any.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { SandboxInfo } from '../server/protocol/sandbox.ts';

const REMOTE_PREFIX = 'ssh-remote+heyvm-';
/** Below the extension's own storage: the workspace files that a hand-off writes, named after their sandboxes. */
export const WINDOW_FOLDER = 'windows';
export const WINDOW_FILE_SUFFIX = '.code-workspace';
const OWN_WINDOWS = `/heyvm.heyvm/${WINDOW_FOLDER}/`;

export type WindowSandbox =
  | { readonly kind: 'none' }
  /** A window whose files and tools are inside, by way of ssh. */
  | { readonly kind: 'inside'; readonly name: string }
  /** A window on the worktree, whose terminals are inside. */
  | { readonly kind: 'worktree'; readonly name: string };

/** Told from the window alone, without asking the helper. */
export function windowSandbox(): WindowSandbox {
  const authority = vscode.workspace.workspaceFolders?.[0]?.uri.authority ?? '';
  if (authority.startsWith(REMOTE_PREFIX))
    return { kind: 'inside', name: authority.slice(REMOTE_PREFIX.length) };
  const file = vscode.workspace.workspaceFile?.path ?? '';
  if (file.includes(OWN_WINDOWS) && file.endsWith(WINDOW_FILE_SUFFIX)) {
    return { kind: 'worktree', name: basename(file).slice(0, -WINDOW_FILE_SUFFIX.length) };
  }
  return { kind: 'none' };
}

/** Also finds the sandbox of a folder that a person opened as any other folder. */
export function sandboxOfWindow(sandboxes: readonly SandboxInfo[]): SandboxInfo | undefined {
  const marked = windowSandbox();
  if (marked.kind !== 'none') return sandboxes.find(sandbox => sandbox.name === marked.name);
  const folders = (vscode.workspace.workspaceFolders ?? []).map(folder => folder.uri.fsPath);
  return sandboxes.find(sandbox => sandbox.worktree !== undefined && folders.includes(sandbox.worktree.path));
}

// The product as a suite meets it: the activated extension, its command line, and the sandboxes that a suite made.
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Api } from '../../../extension/api.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';

export function extension(): vscode.Extension<Api> {
  const found = vscode.extensions.getExtension<Api>('heyvm.heyvm');
  assert.ok(found, 'the extension is not installed');
  return found;
}

export async function product(): Promise<Api> {
  return await extension().activate();
}

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** The command line in a process of its own, as somebody in another terminal would use it. */
export function heyvm(...args: string[]): Promise<Ran> {
  return heyvmIn(undefined, ...args);
}

export function heyvmIn(cwd: string | undefined, ...args: string[]): Promise<Ran> {
  const file = join(extension().extensionPath, 'dist', 'heyvm');
  const env = { ...process.env, HEYVM_NODE: process.execPath, ELECTRON_RUN_AS_NODE: '1' };
  return new Promise(resolve => {
    execFile(file, args, { cwd, env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** The answer of a command that must work. */
export async function heyvmOk(...args: string[]): Promise<string> {
  const ran = await heyvm(...args);
  assert.equal(ran.code, 0, `heyvm ${args.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
}

/** Calls a command as a program does: what fails is thrown instead of shown. */
export async function command<T>(id: string, argument: Readonly<Record<string, unknown>> = {}): Promise<T> {
  return await vscode.commands.executeCommand<T>(id, { ...argument, quiet: true });
}

export async function listed(): Promise<readonly SandboxInfo[]> {
  const answer: unknown = JSON.parse(await heyvmOk('list', '--format', 'json'));
  if (Array.isArray(answer)) return answer as SandboxInfo[];
  return (answer as { sandboxes: SandboxInfo[] }).sandboxes;
}

export async function removeAll(): Promise<void> {
  for (const { id } of await listed()) await heyvmOk('rm', '--force', '--yes', id);
}

// Commands that show something: terminals, windows, logs, the ssh command.
import * as vscode from 'vscode';
import { addressOf, showInBrowser } from '../browser.ts';
import { serveInBrowser } from '../handOff/browserWindow.ts';
import { ensureSshConfig } from '../handOff/consent.ts';
import { openInWindow } from '../handOff/openInWindow.ts';
import { logUri, sandboxOfLog } from '../logDocument.ts';
import type { Parts } from '../parts.ts';
import { asked, sandboxFor, textIn } from './arguments.ts';
import { startSandbox } from './life.ts';

export async function openTerminal(parts: Parts, argument: unknown): Promise<vscode.Terminal | undefined> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox to open a terminal in' });
  return sandbox && parts.terminals.open(await startSandbox(parts, sandbox));
}

export async function openWindow(parts: Parts, argument: unknown): Promise<void> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox to open in a window' });
  if (sandbox !== undefined) await openInWindow(parts, await startSandbox(parts, sandbox));
}

/** `{sandbox, accepted: true, open: 'none', signal}`: the licence of the server is accepted already; the address is only told. */
export async function openInBrowser(parts: Parts, argument: unknown): Promise<string | undefined> {
  const sandbox = await sandboxFor(parts, argument, {
    placeholder: 'The sandbox to open in the browser',
    fits: ({ backend_type }) => parts.abilities.of(backend_type)?.editor !== false,
  });
  if (sandbox === undefined) return undefined;
  const forward = await serveInBrowser(parts, await startSandbox(parts, sandbox), asked(argument));
  if (forward === undefined) return undefined;
  if (textIn(asked(argument), 'open') === 'none') return await addressOf(forward);
  return await showInBrowser(forward);
}

export async function showLog(parts: Parts, argument: unknown): Promise<vscode.TextDocument | undefined> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox whose log to show' });
  if (sandbox === undefined) return undefined;
  const document = await vscode.workspace.openTextDocument(logUri(sandbox));
  await vscode.window.showTextDocument(document, { preview: true });
  return document;
}

/** Answers the names of the channels. */
export async function showLogChannels(
  parts: Parts,
  argument: unknown,
): Promise<readonly string[] | undefined> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox whose log to show' });
  return sandbox && (await parts.logs.show(sandbox));
}

/** Called on an element of the tree, or from the title of an open log. */
export async function followLog(parts: Parts, argument: unknown): Promise<vscode.Terminal | undefined> {
  const target = argument instanceof vscode.Uri ? { sandbox: sandboxOfLog(argument) } : argument;
  const sandbox = await sandboxFor(parts, target, { placeholder: 'The sandbox whose log to follow' });
  return sandbox && parts.terminals.follow(sandbox);
}

export async function copySshCommand(parts: Parts, argument: unknown): Promise<string | undefined> {
  const sandbox = await sandboxFor(parts, argument, { placeholder: 'The sandbox to connect to by ssh' });
  if (sandbox === undefined) return undefined;
  const command = `ssh ${sandbox.ssh.alias}`;
  await vscode.env.clipboard.writeText(command);
  void tellAboutCopy(parts, command);
  return command;
}

async function tellAboutCopy(parts: Parts, command: string): Promise<void> {
  const status = await parts.helper.call('ssh/status', {});
  if (status.effective) {
    vscode.window.setStatusBarMessage(`$(check) Copied: ${command}`, 4_000);
    return;
  }
  const install = 'Install SSH Configuration…';
  const chosen = await vscode.window.showInformationMessage(
    `Copied: ${command}. OpenSSH does not know this name yet.`,
    install,
  );
  if (chosen === install) await ensureSshConfig(parts);
}

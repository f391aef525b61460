// Offers the extensions that a project names, in a window on its sandbox and once for each list.
import * as vscode from 'vscode';
import type { Parts } from './parts.ts';
import { sandboxOfWindow, windowSandbox } from './windowSandbox.ts';

const OFFERED = 'offered.extensions';

/** They come with a branch, so nothing is installed before the person has seen their names. */
export async function offerExtensions(parts: Parts): Promise<void> {
  if (windowSandbox().kind !== 'inside') return;
  await parts.sandboxes.load();
  const sandbox = sandboxOfWindow(parts.sandboxes.all);
  if (sandbox === undefined) return;
  const { extensions = [] } = await parts.helper.call('project/inspect', {
    folder: sandbox.workspace.path,
  });
  await offer(parts, extensions);
}

async function offer({ context }: Parts, extensions: readonly string[]): Promise<void> {
  const list = extensions.join(' ');
  if (list === '' || context.workspaceState.get(OFFERED) === list) return;
  const install = 'Install';
  const names = extensions.join(', ');
  const answer = await vscode.window.showInformationMessage(
    `The project of this window names extensions: ${names}. They come from the editor's marketplace; those with a part for the interface run on this machine.`,
    install,
    'Not Now',
  );
  if (answer === undefined) return;
  await context.workspaceState.update(OFFERED, list);
  if (answer !== install) return;
  for (const id of extensions)
    await vscode.commands.executeCommand('workbench.extensions.installExtension', id);
}

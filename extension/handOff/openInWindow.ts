// Opens a window on a sandbox: inside it by way of ssh where the editor can, else on its worktree.
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Parts } from '../parts.ts';
import { sandboxOfWindow } from '../windowSandbox.ts';
import { ensurePlatform, ensureSshConfig } from './consent.ts';
import { canRunServer, placeServer } from './editorServer.ts';
import { openLocalWindow } from './localWindow.ts';
import { remoteSshExtension, remoteUri } from './remoteSsh.ts';

export async function openInWindow(parts: Parts, sandbox: SandboxInfo): Promise<void> {
  if (sandboxOfWindow([sandbox]) !== undefined) {
    parts.terminals.open(sandbox);
    return;
  }
  if (await canOpenInside(parts, sandbox)) {
    await ensurePlatform(parts.context, sandbox.ssh.alias);
    await placeServer(parts, sandbox);
    await vscode.commands.executeCommand('vscode.openFolder', remoteUri(sandbox.ssh.alias), {
      forceNewWindow: true,
    });
    return;
  }
  await openLocalWindow(parts.context, sandbox);
}

async function canOpenInside(parts: Parts, sandbox: SandboxInfo): Promise<boolean> {
  const extension = remoteSshExtension();
  if (extension === undefined) {
    parts.log.info(
      'no extension for windows over ssh is installed: opening the worktree, with terminals inside',
    );
    return false;
  }
  const { backends } = await parts.helper.call('backend/list', { id: sandbox.backend_type });
  if (backends[0]?.capabilities.editor !== true) {
    parts.log.info(
      `${sandbox.backend_type} cannot run the editor's server: opening the worktree, with terminals inside`,
    );
    return false;
  }
  return (await canRunServer(parts, sandbox)) && (await ensureSshConfig(parts));
}

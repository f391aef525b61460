// Commands about heyvm itself: the doctor, the ssh configuration, the helper, the menu.
import * as vscode from 'vscode';
import type { Check } from '../../server/protocol/doctor.ts';
import { ensureSshConfig } from '../handOff/consent.ts';
import type { Parts } from '../parts.ts';
import { asked } from './arguments.ts';
import { type CommandId, commandTable } from './table.ts';

/** `{open: 'none'}` only gives the checks back. */
export async function runDoctor(parts: Parts, argument: unknown): Promise<readonly Check[]> {
  const { lookAtAll, openDoctor } = await import('../doctor/page.ts');
  return asked(argument)['open'] === 'none' ? await lookAtAll(parts) : await openDoctor(parts);
}

export async function installSshConfig(parts: Parts): Promise<boolean> {
  const isEffective = await ensureSshConfig(parts);
  if (isEffective)
    vscode.window.setStatusBarMessage('$(check) OpenSSH knows the names of the sandboxes', 4_000);
  return isEffective;
}

export async function refresh(parts: Parts): Promise<void> {
  const listing = await parts.sandboxes.refresh();
  parts.branches.refresh();
  if (listing.kind === 'failed') throw listing.error;
}

export async function restartHelper(parts: Parts): Promise<void> {
  await parts.helper.restart();
  await parts.sandboxes.refresh();
}

/** Behind the status bar. */
export async function menu(): Promise<void> {
  const offered: readonly CommandId[] = [
    'heyvm.openBranch',
    'heyvm.openTerminal',
    'heyvm.openWindow',
    'heyvm.openInBrowser',
    'heyvm.start',
    'heyvm.stop',
    'heyvm.showLog',
    'heyvm.newSandbox',
    'heyvm.runDoctor',
    'heyvm.restartHelper',
  ];
  const items = offered.map(command => {
    const entry = commandTable[command];
    return { label: 'icon' in entry ? `${entry.icon} ${entry.title}` : entry.title, command };
  });
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: 'heyvm' });
  if (chosen !== undefined) await vscode.commands.executeCommand(chosen.command);
}

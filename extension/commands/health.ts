// Commands about heyvm itself: the doctor, the ssh configuration, the helper, the menu.
import * as vscode from 'vscode';
import type { Check } from '../../server/protocol/doctor.ts';
import { doctorReport } from '../doctorReport.ts';
import { ensureSshConfig } from '../handOff/consent.ts';
import { remoteSshExtension, remoteSshProblems } from '../handOff/remoteSsh.ts';
import { DOCTOR_SCHEME } from '../names.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { asked } from './arguments.ts';
import { type CommandId, commandTable } from './table.ts';

let report = '';

/** `{open: 'none'}` only gives the checks back. */
export async function runDoctor(parts: Parts, argument: unknown): Promise<readonly Check[]> {
  const { checks } = await withProgress({ title: 'Looking at this machine' }, options =>
    parts.helper.call('doctor/run', {}, options),
  );
  const all = [...checks, ...editorChecks()];
  report = doctorReport(all);
  if (asked(argument)['open'] === 'none') return all;
  const uri = vscode.Uri.from({ scheme: DOCTOR_SCHEME, path: '/heyvm doctor.md', query: String(Date.now()) });
  await vscode.commands.executeCommand('markdown.showPreview', uri);
  return all;
}

export const doctorDocuments: vscode.TextDocumentContentProvider = {
  provideTextDocumentContent: () => report,
};

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

function editorChecks(): readonly Check[] {
  const extension = remoteSshExtension();
  if (extension === undefined) {
    const detail =
      'no extension for windows over ssh: a branch opens as a local window with terminals inside';
    return [{ id: 'editor:remote-ssh', title: 'Windows inside', state: 'absent', detail }];
  }
  const problems = remoteSshProblems();
  if (problems.length === 0)
    return [{ id: 'editor:remote-ssh', title: 'Windows inside', state: 'ok', detail: extension }];
  return [
    {
      id: 'editor:remote-ssh',
      title: 'Windows inside',
      state: 'warning',
      detail: extension,
      fix: problems.join('; '),
    },
  ];
}

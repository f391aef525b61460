// Tells the person, briefly, when the helper ended; loudly only when it will not come back by itself.
import * as vscode from 'vscode';
import type { Helper, HelperState } from './helper.ts';

export function announceHelper(helper: Helper, log: vscode.LogOutputChannel): vscode.Disposable {
  let notice: vscode.Disposable | undefined;
  const listening = helper.onDidChangeState(state => {
    if (state.kind === 'waiting') {
      notice?.dispose();
      notice = vscode.window.setStatusBarMessage(
        '$(sync~spin) heyvm: the helper ended and is started again; sandboxes keep running',
      );
    }
    if (state.kind === 'running' && notice !== undefined) {
      notice.dispose();
      notice = vscode.window.setStatusBarMessage('$(check) heyvm: the helper is back', 4_000);
    }
    if (state.kind === 'given-up') {
      notice?.dispose();
      void offerRestart(state, log);
    }
  });
  return vscode.Disposable.from(listening, { dispose: () => notice?.dispose() });
}

async function offerRestart(
  state: Extract<HelperState, { kind: 'given-up' }>,
  log: vscode.LogOutputChannel,
): Promise<void> {
  const again = 'Restart Helper';
  const look = 'Show Log';
  const reason = state.reason.split('\n')[0] ?? '';
  const chosen = await vscode.window.showErrorMessage(
    `The helper of heyvm was not started again: ${reason}. Sandboxes keep running.`,
    again,
    look,
  );
  if (chosen === again) await vscode.commands.executeCommand('heyvm.restartHelper');
  if (chosen === look) log.show();
}

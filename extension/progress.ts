// Long work behind a notification that shows its phases and can be cancelled.
import * as vscode from 'vscode';
import type { CallOptions } from '../server/protocol/contract.ts';

export type Work = { readonly title: string; readonly signal?: AbortSignal | undefined };

export async function withProgress<T>(
  work: Work,
  run: (options: CallOptions<AbortSignal>) => Promise<T>,
): Promise<T> {
  const options = { location: vscode.ProgressLocation.Notification, title: work.title, cancellable: true };
  return await vscode.window.withProgress(options, async (notification, token) => {
    const cancel = new AbortController();
    const abort = () => cancel.abort();
    const listening = token.onCancellationRequested(abort);
    work.signal?.addEventListener('abort', abort);
    if (work.signal?.aborted === true) cancel.abort();
    let reached = 0;
    try {
      return await run({
        signal: cancel.signal,
        progress: ({ phase, detail, percent }) => {
          const message = detail === undefined ? phase : `${phase}: ${detail}`;
          const increment = percent === undefined ? undefined : Math.max(percent - reached, 0);
          reached = Math.max(reached, percent ?? 0);
          notification.report(increment === undefined ? { message } : { message, increment });
        },
      });
    } finally {
      listening.dispose();
      work.signal?.removeEventListener('abort', abort);
    }
  });
}

/** A token of the editor as the signal of a call. */
export function abortSignalOf(token: vscode.CancellationToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

// Cancellation of JSON-RPC as an AbortSignal, and back.
import { type CancellationToken, CancellationTokenSource } from 'vscode-jsonrpc/node';

export function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  else token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

export function tokenOf(signal: AbortSignal): { token: CancellationToken; dispose(): void } {
  const source = new CancellationTokenSource();
  const onAbort = (): void => source.cancel();
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    token: source.token,
    dispose: () => {
      signal.removeEventListener('abort', onAbort);
      source.dispose();
    },
  };
}

// The one mapping between our errors and those of JSON-RPC.
import { ResponseError } from 'vscode-jsonrpc/node';
import { fromErrorInfo, SandboxError, toErrorInfo, toSandboxError } from '../core/errors.ts';
import type { ErrorInfo } from '../protocol/errors.ts';

/** Every expected failure has this code; what it is stands in `data`, an ErrorInfo. */
export const SANDBOX_ERROR = 1;
/** What the language server protocol gives for a request that its caller cancelled. */
export const REQUEST_CANCELLED = -32800;

export function toResponseError(thrown: unknown): ResponseError<ErrorInfo> {
  const error = toSandboxError(thrown);
  const code = error.code === 'cancelled' ? REQUEST_CANCELLED : SANDBOX_ERROR;
  return new ResponseError(code, error.message, toErrorInfo(error));
}

export function fromResponseError(thrown: unknown): SandboxError {
  if (thrown instanceof SandboxError) return thrown;
  if (!(thrown instanceof ResponseError)) return toSandboxError(thrown);
  if (thrown.code === REQUEST_CANCELLED) return new SandboxError('cancelled', 'cancelled', { cause: thrown });
  return fromErrorInfo(thrown.data, thrown.message);
}

// A call that failed, in the words that a person is shown.
import type { ErrorCode, ErrorInfo } from '../server/protocol/errors.ts';

export class CallFailure extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly data: unknown;

  constructor(info: ErrorInfo) {
    super(info.message);
    this.name = 'CallFailure';
    this.code = info.code;
    this.hint = info.hint;
    this.data = info.data;
  }
}

export function isCancelled(thrown: unknown): boolean {
  if (thrown instanceof CallFailure) return thrown.code === 'cancelled';
  return thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'Canceled');
}

export function cancelled(): CallFailure {
  return new CallFailure({ code: 'cancelled', message: 'cancelled' });
}

// The one class of expected failures; callers narrow on its code.
import { type ErrorCode, ErrorInfo, errorCodes } from '../protocol/errors.ts';
import { parse } from '../protocol/parse.ts';

export type ErrorDetail = {
  /** What the person can do about it: a command or a sentence. */
  hint?: string | undefined;
  data?: Record<string, unknown> | undefined;
  cause?: unknown;
};

export class SandboxError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly data: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'SandboxError';
    this.code = code;
    this.hint = detail.hint;
    this.data = detail.data;
  }
}

export function fail(code: ErrorCode, message: string, detail: ErrorDetail = {}): never {
  throw new SandboxError(code, message, detail);
}

/** For where there is room for one text: what failed, and what to do. */
export function withHint({ message, hint }: SandboxError): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

/** Turns whatever was thrown into a SandboxError; an unknown one is a defect of ours and says so. */
export function toSandboxError(thrown: unknown): SandboxError {
  if (thrown instanceof SandboxError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new SandboxError('cancelled', 'cancelled', { cause: thrown });
  }
  const storage = storageError(thrown);
  if (storage !== undefined) return storage;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SandboxError('internal', message, { cause: thrown });
}

const storageReasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
};

function storageError(thrown: unknown): SandboxError | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  const code = String(thrown.code);
  const reason = storageReasons[code];
  // A write to an open file names no path, and what is not permitted may then be anything.
  const path = 'path' in thrown ? String(thrown.path) : undefined;
  if (reason === undefined || (path === undefined && (code === 'EACCES' || code === 'EPERM')))
    return undefined;
  return new SandboxError('storage', `cannot write ${path ?? 'a file'}: ${reason}`, {
    hint: 'free space or fix the permissions, or set HEYO_HOME to a folder that can be written',
    cause: thrown,
  });
}

export function toErrorInfo(error: SandboxError): ErrorInfo {
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.data === undefined ? {} : { data: error.data }),
  };
}

/** The way back from another process; anything that is not an ErrorInfo becomes `internal`. */
export function fromErrorInfo(input: unknown, fallback: string): SandboxError {
  const parsed = parse(ErrorInfo, input);
  if (!parsed.ok) return new SandboxError('internal', fallback);
  return new SandboxError(parsed.value.code, parsed.value.message, parsed.value);
}

export function exitCodeOf(error: SandboxError): number {
  return errorCodes[error.code].exit;
}

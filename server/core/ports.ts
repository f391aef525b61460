// What the core needs from the world, as types; platform/ has the real ones.
import type { Readable, Writable } from 'node:stream';

export type RunOptions = {
  cwd?: string;
  /** Replaces the environment; the caller's own is never passed on by accident. */
  env?: Readonly<Record<string, string>>;
  input?: string | Uint8Array;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Exit codes that are answers; any other one throws `command-failed`. Zero alone when left out. */
  accept?: readonly number[] | 'any';
  /** Open files that the program gets as its descriptors 3, 4 and so on. */
  files?: readonly number[];
  /** `latin1` gives each byte of the output as one character; text when left out. */
  encoding?: 'latin1';
  /** A conversation over the descriptor that follows those: what is read from `from` comes in, what is written goes to `to`. */
  conversation?: { readonly from: Readable; readonly to: Writable };
};

export type RunResult = { code: number; stdout: string; stderr: string };

/** Runs a program of the host to its end. No shell; a program that does not exist gives `command-failed`. */
export type Run = (argv: readonly [string, ...string[]], options?: RunOptions) => Promise<RunResult>;

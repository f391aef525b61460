// Running a program in a guest: the request, and how it ended.
import * as z from 'zod/mini';

export const TerminalSize = z.strictObject({
  columns: z.int().check(z.minimum(1), z.maximum(10_000)),
  rows: z.int().check(z.minimum(1), z.maximum(10_000)),
});
export type TerminalSize = z.output<typeof TerminalSize>;

export const signals = [
  'HUP',
  'INT',
  'QUIT',
  'KILL',
  'USR1',
  'USR2',
  'TERM',
  'CONT',
  'STOP',
  'TSTP',
  'WINCH',
  'ABRT',
  'ALRM',
  'PIPE',
] as const;
export const SignalName = z.enum(signals);
export type SignalName = z.output<typeof SignalName>;

/** A program without a terminal. */
export const ProgramRequest = z.strictObject({
  /** The program and its arguments, passed on unchanged; no shell reads them. */
  argv: z.array(z.string()).check(z.minLength(1)),
  /** An absolute folder of the guest; /workspace when it is left out. */
  cwd: z.optional(z.string()),
  /** Added to the guest's own environment. */
  env: z.optional(z.record(z.string(), z.string())),
});
export type ProgramRequest = z.output<typeof ProgramRequest>;

export const ExecRequest = z.strictObject({
  ...ProgramRequest.shape,
  /** With a terminal, stdout and stderr are one stream. */
  pty: z.optional(z.strictObject({ term: z.string(), size: TerminalSize })),
  /** Whom the loss of the client reaches where there is no terminal: everything in the program's group, or it alone. */
  hang_up: z.optional(z.enum(['group', 'alone'])),
});
export type ExecRequest = z.output<typeof ExecRequest>;

export const ExitStatus = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('exited'), code: z.int() }),
  z.strictObject({ kind: z.literal('signalled'), signal: z.string() }),
]);
export type ExitStatus = z.output<typeof ExitStatus>;

export const DialTarget = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('tcp'),
    host: z.string(),
    port: z.int().check(z.minimum(1), z.maximum(65_535)),
  }),
  z.strictObject({ kind: z.literal('unix'), path: z.string() }),
]);
export type DialTarget = z.output<typeof DialTarget>;

/** `heyvm exec --format json`. */
export const ExecResult = z.object({
  stdout: z.string(),
  stderr: z.string(),
  exit_code: z.int(),
  signal: z.optional(z.string()),
  timed_out: z.boolean(),
  truncated: z.boolean(),
  duration_ms: z.int(),
});
export type ExecResult = z.output<typeof ExecResult>;

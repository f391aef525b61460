// The closed list of error codes: what each means and the exit code of the command line that goes with it.
import * as z from 'zod/mini';

export const errorCodes = {
  usage: {
    exit: 2,
    meaning: 'The call itself is wrong: an unknown flag, a missing argument, a value out of range',
  },
  'backend-unknown': { exit: 2, meaning: 'No backend has this id or alias' },
  'settings-broken': { exit: 2, meaning: 'A settings file cannot be read or has a wrong value' },
  'sandbox-not-found': { exit: 3, meaning: 'No sandbox has this id or name' },
  'repository-not-found': { exit: 3, meaning: 'The folder is not inside a git repository' },
  'branch-not-found': { exit: 3, meaning: 'The branch does not exist' },
  'path-not-found': { exit: 3, meaning: 'A file or folder does not exist' },
  'image-not-found': { exit: 3, meaning: 'No image has this name, here or where it could be fetched from' },
  'snapshot-not-found': { exit: 3, meaning: 'The sandbox has no snapshot of this name' },
  'policy-unenforceable': { exit: 4, meaning: 'The backend cannot enforce a policy that was asked for' },
  'policy-refused': { exit: 4, meaning: 'The sandbox policy forbids this' },
  'backend-missing': { exit: 5, meaning: 'The backend cannot run on this machine as it is' },
  'runtime-missing': { exit: 5, meaning: 'The runtime that was asked for is not available to the backend' },
  'name-taken': { exit: 6, meaning: 'Another sandbox has this name' },
  busy: { exit: 6, meaning: 'Another command is working on the same sandbox' },
  'not-running': { exit: 6, meaning: 'The sandbox is not running' },
  'port-taken': { exit: 6, meaning: 'A port of this machine that shall be published is in use' },
  'worktree-dirty': { exit: 6, meaning: 'The worktree has uncommitted or unpushed work' },
  'worktree-conflict': { exit: 6, meaning: 'The worktree or its merge collides with something that exists' },
  timeout: { exit: 7, meaning: 'It took longer than allowed' },
  cancelled: { exit: 130, meaning: 'It was interrupted' },
  'record-broken': {
    exit: 1,
    meaning: 'A file of the store cannot be parsed; it was set aside or left untouched',
  },
  'record-newer': { exit: 1, meaning: 'A file of the store was written by a newer version' },
  storage: { exit: 1, meaning: 'The disk refused: full, read-only or not permitted' },
  'image-broken': { exit: 1, meaning: 'A file of an image is missing or does not match its digest' },
  'build-failed': { exit: 1, meaning: 'An image could not be built' },
  unsupported: { exit: 4, meaning: 'The backend of this sandbox cannot do this' },
  'guest-failed': { exit: 1, meaning: 'The guest did not start or ended by itself' },
  'owner-unreachable': { exit: 1, meaning: 'The process that owns the sandbox does not answer' },
  'version-mismatch': { exit: 1, meaning: 'Two parts of different versions cannot work together' },
  'command-failed': { exit: 1, meaning: 'A program that heyvm ran on the host failed' },
  'ssh-config': { exit: 1, meaning: 'The OpenSSH configuration cannot be changed or does not take effect' },
  internal: { exit: 1, meaning: 'A defect in heyvm' },
} as const satisfies Record<string, { exit: number; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

export const ErrorCode = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]);

/** What crosses a process boundary when something fails: `hint` says what to do, `data` is for machines. */
export const ErrorInfo = z.object({
  code: ErrorCode,
  message: z.string(),
  hint: z.optional(z.string()),
  data: z.optional(z.record(z.string(), z.unknown())),
});
export type ErrorInfo = z.output<typeof ErrorInfo>;

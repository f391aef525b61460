// Runs a script of ours in a guest to its end.
import type { OwnerConnection } from '../owner/connect.ts';
import { startDeadline } from '../programs/deadline.ts';
import { outcomeOf } from '../programs/outcome.ts';
import type { ExecResult } from '../protocol/exec.ts';

export type Guest = Pick<OwnerConnection['guest'], 'exec'>;

export type Script = {
  readonly script: string;
  /** Its arguments. */
  readonly words: readonly string[];
  readonly limitMs: number;
  readonly input?: string;
  /** Ends it early; how it ended is its result all the same. */
  readonly signal?: AbortSignal;
};

export async function runScript(guest: Guest, asked: Script): Promise<ExecResult> {
  const { script, words, limitMs, input = '', signal } = asked;
  const child = await guest.exec({ argv: ['/bin/sh', '-c', script, 'sh', ...words], cwd: '/' });
  // A script need not read what it is given.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const deadline = startDeadline(child, limitMs);
  const end = () => void child.signal('TERM').catch(() => {});
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted === true) end();
  try {
    return (await outcomeOf(child, deadline)).result;
  } finally {
    deadline.clear();
    signal?.removeEventListener('abort', end);
  }
}

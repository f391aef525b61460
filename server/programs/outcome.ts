// What a program of a guest said and how it ended, as one bounded answer.
import type { GuestProcess } from '../core/guest.ts';
import type { ExecResult, ExitStatus } from '../protocol/exec.ts';
import { type Collected, collect } from './collect.ts';
import type { Deadline } from './deadline.ts';
import { codeOf } from './exitStatus.ts';

/** What is kept of each output. */
const MOST_BYTES = 1024 * 1024;

export type Outcome = { readonly status: ExitStatus; readonly result: ExecResult };

export async function outcomeOf(
  child: GuestProcess,
  deadline: Deadline,
  mostBytes = MOST_BYTES,
): Promise<Outcome> {
  const begun = performance.now();
  const [saidOut, saidErr, status] = await Promise.all([
    collect(child.stdout, mostBytes),
    collect(child.stderr, mostBytes),
    child.exited,
  ]);
  const [stdout, stderr] = [textOf(saidOut), textOf(saidErr)];
  const result: ExecResult = {
    stdout: stdout.text,
    stderr: stderr.text,
    exit_code: codeOf(status),
    ...(status.kind === 'signalled' ? { signal: status.signal } : {}),
    timed_out: deadline.passed,
    truncated: stdout.truncated || stderr.truncated,
    duration_ms: Math.round(performance.now() - begun),
  };
  return { status, result };
}

function textOf({ bytes, total }: Collected): { text: string; truncated: boolean } {
  const truncated = total > bytes.length;
  // A character that was cut in half at the limit is left out rather than shown as a defect.
  return { text: new TextDecoder().decode(bytes, { stream: truncated }), truncated };
}

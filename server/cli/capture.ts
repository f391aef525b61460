// Collects what a program of a guest says into one bounded JSON answer.
import type { GuestProcess } from '../core/guest.ts';
import { type Collected, collect } from '../programs/collect.ts';
import type { Deadline } from '../programs/deadline.ts';
import { codeOf } from '../programs/exitStatus.ts';
import { errorCodes } from '../protocol/errors.ts';
import type { ExecResult } from '../protocol/exec.ts';
import type { Context } from './command.ts';
import { feed } from './streaming.ts';

/** What is kept of each output; the rest is read and dropped, so that the program still runs to its end. */
const MOST_BYTES = 1024 * 1024;

export async function capture(
  child: GuestProcess,
  { out, interrupts }: Context,
  deadline: Deadline,
): Promise<number> {
  const begun = performance.now();
  const giveBack = interrupts.divert(
    name =>
      void child.signal(name).catch(() => {
        // A program that has ended needs no signal.
      }),
  );
  const input = feed(process.stdin, child.stdin);
  try {
    const [saidOut, saidErr, status] = await Promise.all([
      collect(child.stdout, MOST_BYTES),
      collect(child.stderr, MOST_BYTES),
      child.exited,
    ]);
    const [stdout, stderr] = [textOf(saidOut), textOf(saidErr)];
    const code = deadline.passed ? errorCodes.timeout.exit : codeOf(status);
    const result: ExecResult = {
      stdout: stdout.text,
      stderr: stderr.text,
      exit_code: codeOf(status),
      ...(status.kind === 'signalled' ? { signal: status.signal } : {}),
      timed_out: deadline.passed,
      truncated: stdout.truncated || stderr.truncated,
      duration_ms: Math.round(performance.now() - begun),
    };
    out.result(result, () => '');
    return code;
  } finally {
    input.stop();
    giveBack();
  }
}

function textOf({ bytes, total }: Collected): { text: string; truncated: boolean } {
  const truncated = total > bytes.length;
  // A character that was cut in half at the limit is left out rather than shown as a defect.
  return { text: new TextDecoder().decode(bytes, { stream: truncated }), truncated };
}

// Collects what a program of a guest says into one bounded JSON answer.
import type { Readable } from 'node:stream';
import type { GuestProcess } from '../core/guest.ts';
import { errorCodes } from '../protocol/errors.ts';
import type { ExecResult } from '../protocol/exec.ts';
import type { Context } from './command.ts';
import type { Deadline } from './deadline.ts';
import { codeOf } from './exitStatus.ts';
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
    const [stdout, stderr, status] = await Promise.all([
      collect(child.stdout),
      collect(child.stderr),
      child.exited,
    ]);
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

async function collect(from: Readable): Promise<{ text: string; truncated: boolean }> {
  const kept: Uint8Array[] = [];
  let size = 0;
  let truncated = false;
  for await (const chunk of from as AsyncIterable<Uint8Array>) {
    const room = MOST_BYTES - size;
    if (chunk.length > room) truncated = true;
    if (room > 0) kept.push(chunk.subarray(0, room));
    size += Math.min(room, chunk.length);
  }
  // A character that was cut in half at the limit is left out rather than shown as a defect.
  const text = new TextDecoder().decode(Buffer.concat(kept), { stream: truncated });
  return { text, truncated };
}

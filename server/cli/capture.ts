// Shows what a program of a guest said and how it ended as one bounded JSON answer.
import type { GuestProcess } from '../core/guest.ts';
import type { Deadline } from '../programs/deadline.ts';
import { type Outcome, outcomeOf } from '../programs/outcome.ts';
import type { Interrupts } from './interrupts.ts';
import { feed, type InputBound } from './streaming.ts';

export async function capture(
  child: GuestProcess,
  interrupts: Interrupts,
  { deadline, bound }: { readonly deadline: Deadline; readonly bound: InputBound | undefined },
): Promise<Outcome> {
  const giveBack = interrupts.divert(
    name =>
      void child.signal(name).catch(() => {
        // A program that has ended needs no signal.
      }),
  );
  const input = feed(process.stdin, child.stdin, bound);
  try {
    return await outcomeOf(child, deadline);
  } finally {
    input.stop();
    giveBack();
  }
}

// Asks a person before something that cannot be undone.
import { fail } from '../core/errors.ts';
import type { Context } from './command.ts';

/** Goes on after a yes; fails with `cancelled` after anything else, and with `usage` where nobody can answer. */
export async function confirm({ interrupts }: Context, question: string): Promise<void> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    fail('usage', `${question} nobody can be asked without a terminal`, { hint: 'add --yes' });
  }
  const { createInterface } = await import('node:readline/promises');
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D at the question are a no.
  const closed = new Promise<string>(done => {
    asking.once('SIGINT', () => done(''));
    asking.once('close', () => done(''));
  });
  try {
    const answered = asking.question(`${question} [y/N] `, { signal: interrupts.signal });
    answered.catch(() => {});
    const answer = await Promise.race([answered, closed]);
    if (!/^y(es)?$/i.test(answer.trim())) fail('cancelled', 'nothing was changed');
  } finally {
    asking.close();
  }
}

// heyvm exec: runs a program in a sandbox as if it ran here.
import type { Context } from '../command.ts';
import { openGuest } from '../guest.ts';
import { requestOf, runProgram } from '../program.ts';

export async function run(context: Context): Promise<number> {
  const { args, paths, interrupts } = context;
  const request = requestOf(context);
  const { guest } = await openGuest(paths, args.argument('sandbox'), interrupts.signal);
  return runProgram(context, { guest, request, timeoutMs: args.number('timeout') });
}

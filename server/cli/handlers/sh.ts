// heyvm sh: opens a shell in a sandbox.
import { fail } from '../../core/errors.ts';
import { shellOf } from '../../core/shell.ts';
import type { Context } from '../command.ts';
import { openGuest } from '../guest.ts';
import { openShell } from '../shell.ts';
import { variablesOf } from '../variables.ts';

export async function run({ args, out, env, paths, interrupts }: Context): Promise<number> {
  if (out.format === 'json') {
    fail('usage', 'a shell has no JSON', { hint: 'heyvm exec --format json <sandbox> -- sh -c "…"' });
  }
  const variables = variablesOf(args.list('env'));
  const { guest, entry } = await openGuest(paths, args.argument('sandbox'), interrupts.signal);
  return openShell(guest, {
    env,
    interrupts,
    variables,
    cwd: args.string('cwd'),
    shell: shellOf(entry.record.runtime),
  });
}

// heyvm images rm: removes images after asking.

import { bytes } from '../../../core/amounts.ts';
import { exitCodeOf, type SandboxError, toSandboxError } from '../../../core/errors.ts';
import { confirm } from '../../ask.ts';
import type { Context } from '../../command.ts';

export async function run(context: Context): Promise<number> {
  const { args, out, call } = context;
  const targets = [...new Set(args.rest('image'))];
  if (!args.flag('yes')) await confirm(context, `remove ${targets.join(', ')}?`);
  const removed: { name: string; freed: number }[] = [];
  let failure: SandboxError | undefined;
  for (const name of targets) {
    try {
      removed.push(await call('image/remove', { name, force: args.flag('force') }));
    } catch (thrown) {
      // The others are still removed; the first failure decides the exit code.
      const error = toSandboxError(thrown);
      out.error(error);
      failure ??= error;
      if (error.code === 'cancelled') break;
    }
  }
  if (removed.length > 0 || failure === undefined) {
    out.result({ removed }, () =>
      removed.map(({ name, freed }) => `removed ${name}, ${bytes(freed)} are free again`).join('\n'),
    );
  }
  return failure === undefined ? 0 : exitCodeOf(failure);
}

// heyvm rm: removes sandboxes after asking.
import { exitCodeOf, type SandboxError, toSandboxError } from '../../core/errors.ts';
import { confirm } from '../ask.ts';
import type { Context } from '../command.ts';

export async function run(context: Context): Promise<number> {
  const { args, out, call } = context;
  const targets = [...new Set(args.rest('sandbox'))];
  if (!args.flag('yes')) await confirm(context, `remove ${targets.join(', ')} with all their own files?`);
  const removed: string[] = [];
  let failure: SandboxError | undefined;
  for (const sandbox of targets) {
    try {
      const { id } = await call('sandbox/remove', { sandbox, force: args.flag('force') });
      removed.push(id);
    } catch (thrown) {
      // The others are still removed; the first failure decides the exit code.
      const error = toSandboxError(thrown);
      out.error(error);
      failure ??= error;
      if (error.code === 'cancelled') break;
    }
  }
  if (removed.length > 0 || failure === undefined) {
    out.result({ removed }, () => removed.map(id => `removed ${id}`).join('\n'));
  }
  return failure === undefined ? 0 : exitCodeOf(failure);
}

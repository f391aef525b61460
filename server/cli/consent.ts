// Asks a person about what the file of a project wants beyond what anybody gets.
import { fail } from '../core/errors.ts';
import type { ProjectAsk } from '../protocol/projectFile.ts';
import { confirm } from './ask.ts';
import type { Context } from './command.ts';

/** Answers what was agreed to, in the words of the file; `--trust` agrees to all of it. */
export async function agree(
  context: Context,
  { path, asks }: { readonly path: string; readonly asks: readonly ProjectAsk[] },
): Promise<string[]> {
  const { args, out } = context;
  if (asks.length === 0) return [];
  const lines = asks.map(({ what, why }) => `${what}: ${why}`);
  const words = asks.map(({ what }) => what);
  if (args.flag('trust')) {
    for (const line of lines) out.note(`trusted: ${line}`);
    return words;
  }
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    fail('policy-refused', `${path} asks for more than a branch may have: ${lines.join('; ')}`, {
      hint: 'read it, and agree with --trust',
      data: { asks },
    });
  }
  for (const line of lines) out.warn(`${path} asks for ${line}`);
  await confirm(context, 'give it that?');
  return words;
}

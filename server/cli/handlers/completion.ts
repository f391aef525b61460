// heyvm completion: prints the script for a shell.
import { fail } from '../../core/errors.ts';
import type { Context } from '../command.ts';
import { completionScripts } from '../completion.ts';

export async function run({ args, out, groups }: Context): Promise<undefined> {
  const shell = args.argument('shell');
  const render = completionScripts[shell];
  if (render === undefined) {
    fail('usage', `there is no completion for ${JSON.stringify(shell)}`, {
      hint: `one of ${Object.keys(completionScripts).join(', ')}`,
    });
  }
  const script = render(groups.flatMap(group => group.commands).filter(command => command.hidden !== true));
  out.result({ shell, script }, () => script);
}

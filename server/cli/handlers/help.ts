// heyvm help: prints the help texts.
import { fail } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { Context } from '../command.ts';
import { commandData, commandHelp, overview } from '../help.ts';

export async function run({ args, out, groups }: Context): Promise<undefined> {
  const all = groups.flatMap(group => group.commands);
  const first = args.optional('command');
  const second = args.optional('subcommand');
  const name = second === undefined ? first : `${first} ${second}`;
  if (name === undefined) {
    const shown = all.filter(command => command.hidden !== true);
    out.result(shown.map(commandData), () => overview(groups, out.paint));
    return;
  }
  const family = all.filter(candidate => candidate.name.startsWith(`${name} `));
  if (family.length > 0) {
    out.result(family.map(commandData), () =>
      overview([{ title: `heyvm ${name}`, commands: family }], out.paint),
    );
    return;
  }
  const command = all.find(candidate => candidate.name === name || candidate.aliases?.includes(name));
  if (command === undefined) {
    const [close] = nearest(
      name,
      all.map(candidate => candidate.name),
    );
    fail('usage', `there is no command ${JSON.stringify(name)}`, {
      hint: close === undefined ? 'heyvm help lists the commands' : `did you mean ${close}?`,
    });
  }
  out.result(commandData(command), () => commandHelp(command, out.paint));
}

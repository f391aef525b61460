// The help texts: the overview of all commands, and one command in detail.
import { globalFlags } from './args.ts';
import type { Argument, Command, Flag, Group } from './command.ts';
import type { Paint } from './output.ts';

export function overview(groups: readonly Group[], paint: Paint): string {
  const shown = groups.map(group => ({
    ...group,
    commands: group.commands.filter(command => command.hidden !== true),
  }));
  const width = Math.max(...shown.flatMap(group => group.commands.map(command => command.name.length)));
  const sections = shown.map(group => {
    const lines = group.commands.map(command => `  ${command.name.padEnd(width)}  ${command.summary}`);
    return [paint('bold', group.title), ...lines].join('\n');
  });
  return [
    'heyvm opens any git branch in its own sandbox.',
    `${paint('bold', 'Usage')}\n  heyvm <command> [flags]      heyvm <command> --help`,
    ...sections,
    `${paint('bold', 'Start here')}\n  heyvm wt my-branch           a shell on my-branch, inside its own sandbox\n  heyvm doctor                 whether this machine has what it takes`,
  ].join('\n\n');
}

export function commandHelp(command: Command, paint: Paint): string {
  const sections = [
    command.summary,
    `${paint('bold', 'Usage')}\n  ${usageOf(command)}`,
    ...(command.details ?? []).map(detail => wrap(detail, 96)),
    section(
      paint('bold', 'Arguments'),
      command.arguments.map(argument => [`<${argument.name}>`, argument.summary]),
    ),
    section(
      paint('bold', 'Flags'),
      command.flags.map(flag => [flagUsage(flag), flag.summary]),
    ),
    section(
      paint('bold', 'Everywhere'),
      globalFlags.map(flag => [flagUsage(flag), flag.summary]),
    ),
    examplesOf(command, paint),
  ];
  return sections.filter(text => text !== '').join('\n\n');
}

/** One line such as `heyvm exec [flags] <sandbox> <program> …`. */
export function usageOf(command: Command): string {
  const shape: Readonly<Record<Argument['presence'], (name: string) => string>> = {
    required: name => `<${name}>`,
    optional: name => `[<${name}>]`,
    many: name => `<${name}> …`,
    program: name => `[--] <${name}> …`,
  };
  const words = command.arguments.map(argument => shape[argument.presence](argument.name));
  return ['heyvm', command.name, '[flags]', ...words].join(' ');
}

/** `-f, --force` or `--cpus COUNT`. */
export function flagUsage(flag: Flag): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  return `${short}--${flag.name}${flag.kind === 'flag' ? '' : ` ${flag.value}`}`;
}

/** A command as data, for programs that want to know what heyvm can do. */
export function commandData(command: Command): Record<string, unknown> {
  const { load: _load, hidden: _hidden, ...data } = command;
  return { ...data, usage: usageOf(command), flags: [...command.flags, ...globalFlags] };
}

function section(title: string, entries: readonly (readonly [string, string])[]): string {
  if (entries.length === 0) return '';
  const width = Math.min(28, Math.max(...entries.map(([name]) => name.length)));
  const lines = entries.map(([name, summary]) =>
    name.length > width
      ? `  ${name}\n  ${' '.repeat(width)}  ${summary}`
      : `  ${name.padEnd(width)}  ${summary}`,
  );
  return [title, ...lines].join('\n');
}

function examplesOf(command: Command, paint: Paint): string {
  const lines = command.examples.map(
    ({ command: line, about }) => `  ${paint('dim', `# ${about}`)}\n  ${line}`,
  );
  return lines.length === 0 ? '' : [paint('bold', 'Examples'), ...lines].join('\n');
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

// The command reference as Markdown, made from the table.
import { errorCodes } from '../protocol/errors.ts';
import { globalFlags } from './args.ts';
import type { Command, Flag } from './command.ts';
import { groups } from './commands.ts';
import { flagUsage, usageOf } from './help.ts';

/** The whole page; the same table gives the same text. */
export function renderDocs(): string {
  const sections = groups.flatMap(group => {
    const shown = group.commands.filter(command => command.hidden !== true);
    return [`## ${group.title}`, ...shown.map(commandSection)];
  });
  return `${[
    '# Commands',
    '<!-- Made from the command table by `npm run generate`; changes here are overwritten. -->',
    introduction(),
    ...sections,
    exitCodes(),
  ].join('\n\n')}\n`;
}

function introduction(): string {
  const lines = globalFlags.map(flag => `* \`${flagUsage(flag)}\`: ${flag.summary}`);
  return [
    'Data goes to stdout, everything else to stderr. With `--format json` an error is `{"error": {"code", "message", "hint"?, "data"?}}` on stderr. Colours appear only on a terminal and never with `NO_COLOR`.',
    'A sandbox is named by its id or its name. Every command understands:',
    lines.join('\n'),
  ].join('\n\n');
}

function commandSection(command: Command): string {
  const names =
    command.aliases === undefined ? '' : ` (also ${command.aliases.map(alias => `\`${alias}\``).join(', ')})`;
  const parts = [
    `### heyvm ${command.name}`,
    `${command.summary}${names}.`,
    `\`\`\`\n${usageOf(command)}\n\`\`\``,
    ...(command.details ?? []),
    command.arguments.map(argument => `* \`<${argument.name}>\`: ${argument.summary}`).join('\n'),
    flagTable(command.flags),
    `\`\`\`sh\n${command.examples.map(({ command: line, about }) => `${line}  # ${about}`).join('\n')}\n\`\`\``,
    command.json === undefined
      ? ''
      : `With \`--format json\`, for example:\n\n\`\`\`json\n${JSON.stringify(command.json, null, 2)}\n\`\`\``,
  ];
  return parts.filter(part => part !== '').join('\n\n');
}

function flagTable(flags: readonly Flag[]): string {
  if (flags.length === 0) return '';
  const rows = flags.map(flag => {
    const also = (flag.aliases ?? []).map(alias => ` (also \`--${alias}\`)`).join('');
    return `| \`${flagUsage(flag)}\` | ${flag.summary.replaceAll('|', '\\|')}${also} |`;
  });
  return ['| flag | meaning |', '|---|---|', ...rows].join('\n');
}

function exitCodes(): string {
  const byExit = new Map<number, string[]>();
  for (const [code, { exit }] of Object.entries(errorCodes))
    byExit.set(exit, [...(byExit.get(exit) ?? []), code]);
  const rows = [...byExit]
    .sort(([a], [b]) => a - b)
    .map(([exit, codes]) => `| ${exit} | ${codes.map(code => `\`${code}\``).join(', ')} |`);
  const meanings = Object.entries(errorCodes).map(([code, { meaning }]) => `| \`${code}\` | ${meaning} |`);
  return [
    '## Exit codes and errors',
    'Success is 0. `exec` and `sh` give the status of what ran inside (128 and the signal’s number for a signal, 127 when there is no such program, 7 when `--timeout` ended it) and 125 when heyvm itself failed.',
    ['| exit | error codes |', '|---|---|', ...rows].join('\n'),
    ['| error code | meaning |', '|---|---|', ...meanings].join('\n'),
  ].join('\n\n');
}

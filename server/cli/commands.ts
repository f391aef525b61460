// The table of all commands, in the order in which help shows them.
import type { Command, Group } from './command.ts';
import { editorCommands } from './table/editor.ts';
import { imageCommands } from './table/images.ts';
import { machineCommands } from './table/machine.ts';
import { momentCommands } from './table/moments.ts';
import { programCommands } from './table/programs.ts';
import { projectCommands } from './table/projects.ts';
import { sandboxCommands } from './table/sandboxes.ts';

export const groups: readonly Group[] = [
  { title: 'Sandboxes', commands: sandboxCommands },
  { title: 'Projects', commands: projectCommands },
  { title: 'Pausing and copying', commands: momentCommands },
  { title: 'Inside', commands: programCommands },
  { title: 'Editors', commands: editorCommands },
  { title: 'Images', commands: imageCommands },
  { title: 'This machine', commands: machineCommands },
];

export const commands: readonly Command[] = groups.flatMap(group => group.commands);

export function findCommand(name: string): Command | undefined {
  return commands.find(command => command.name === name || command.aliases?.includes(name));
}

/** The words of a command line that name the command, and the rest; a command may have two words. */
export function splitCommand(words: readonly string[]): { name: string; rest: readonly string[] } {
  const [first = '', second = '', ...rest] = words;
  const isFamily = commands.some(command => command.name.startsWith(`${first} `));
  if (!isFamily || second === '' || second.startsWith('-')) return { name: first, rest: words.slice(1) };
  return { name: `${first} ${second}`, rest };
}

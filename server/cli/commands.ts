// The table of all commands, in the order in which help shows them.
import type { Command, Group } from './command.ts';
import { machineCommands } from './table/machine.ts';
import { programCommands } from './table/programs.ts';
import { sandboxCommands } from './table/sandboxes.ts';

export const groups: readonly Group[] = [
  { title: 'Sandboxes', commands: sandboxCommands },
  { title: 'Inside', commands: programCommands },
  { title: 'This machine', commands: machineCommands },
];

export const commands: readonly Command[] = groups.flatMap(group => group.commands);

export function findCommand(name: string): Command | undefined {
  return commands.find(command => command.name === name || command.aliases?.includes(name));
}

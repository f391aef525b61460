// Commands about the file in which a project says what its sandbox is.
import { presets } from '../../project/presets.ts';
import type { Command } from '../command.ts';
import { sandboxExample, trustFlag } from './shared.ts';

const folderArgument = {
  name: 'folder',
  summary: "the project's folder; this one when left out",
  presence: 'optional',
  complete: 'file',
} as const;

const init: Command = {
  name: 'init',
  summary: "Write .heyvm/sandbox.yaml, which says what a project's sandbox is",
  details: [
    'The file explains itself. Without --preset the one that fits the folder is taken. Nothing that exists is overwritten.',
    'With --from-devcontainer the folder may also be one devcontainer.json of several. Variables of this machine are not written into the file; they are named, as everything that is not followed.',
    'Backends bring presets of their own, which are small projects with what builds them: wasm-command, a program in C, and wasm-http, JavaScript that answers HTTP requests.',
  ],
  arguments: [folderArgument],
  flags: [
    {
      kind: 'string',
      name: 'preset',
      value: 'PRESET',
      complete: 'preset',
      summary: presets.map(({ name, about }) => `${name}: ${about}`).join('; '),
    },
    {
      kind: 'flag',
      name: 'from-devcontainer',
      summary: "write what the project's devcontainer.json means, and name what of it is not followed",
    },
  ],
  examples: [
    { command: 'heyvm init', about: 'for this folder' },
    { command: 'heyvm init --preset python tools/report', about: 'for another one' },
    { command: 'heyvm init --from-devcontainer', about: 'from what it has for other tools' },
    { command: 'heyvm init --preset wasm-command hello', about: 'a small project in C, with what builds it' },
  ],
  json: { preset: 'node', folder: '/home/me/project', files: ['/home/me/project/.heyvm/sandbox.yaml'] },
  load: () => import('../handlers/init.ts'),
};

const up: Command = {
  name: 'up',
  summary: "Bring up the sandbox that a project's .heyvm/sandbox.yaml describes",
  details: [
    'A project without that file is taken by its devcontainer.json: .devcontainer/devcontainer.json, .devcontainer.json, or the only .devcontainer/<name>/devcontainer.json. What of it is not followed is named. Its commands were written for a container with a network, so such a file asks for network open. `devcontainer: ignore` in the settings leaves it alone.',
    'The sandbox is made or found again, set up once, and its command started; it counts as up when the file says that it is ready. What the command says is in heyvm logs. Doing it again changes nothing. A change of the file that needs another sandbox is refused, and says how to make one.',
    "The file comes with a branch, so it may only ask for what would weaken the sandbox: a network, folders outside of the project, ports of this machine, building an image, a weaker backend, limits above the settings'. You are asked, or agree beforehand with --trust; what you agreed to is remembered with the sandbox.",
  ],
  arguments: [folderArgument],
  flags: [
    { kind: 'flag', name: 'detach', short: 'd', summary: 'leave it running and return' },
    { kind: 'flag', name: 'setup', summary: 'run the setup again' },
    trustFlag,
  ],
  examples: [
    { command: 'heyvm up', about: 'until Ctrl-C, which stops it' },
    { command: 'heyvm up --detach --trust', about: 'left running, with all that the file asks for' },
  ],
  json: { sandbox: sandboxExample, created: true, setup: 'ran', command: 'started' },
  load: () => import('../handlers/up.ts'),
};

export const projectCommands: readonly Command[] = [init, up];

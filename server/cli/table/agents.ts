// The command that gives sandboxes to agents.
import { clientIds, clients } from '../../clients/clients.ts';
import type { Command } from '../command.ts';

export const mcp: Command = {
  name: 'mcp',
  summary: 'Give agents the sandboxes as tools, over the Model Context Protocol',
  details: [
    'Speaks on stdin and stdout until its client leaves; sandboxes that it started keep running. A call that names no repository means the one of the current folder, and no others are opened but those that --repository names or that lie in these folders.',
    'With --install it is added to the configuration of a program for agents: the change is shown, and written after a yes. Everything else in the file stays, comments included; a file that is broken or was changed meanwhile is left as it is.',
  ],
  arguments: [],
  flags: [
    {
      kind: 'flag',
      name: 'read-only',
      summary: 'only the tools that look, which change no sandbox and no worktree',
    },
    {
      kind: 'list',
      name: 'repository',
      value: 'FOLDER',
      complete: 'file',
      summary: 'branches of this repository may be opened as well; may be repeated',
    },
    {
      kind: 'choice',
      name: 'install',
      value: 'CLIENT',
      choices: clientIds,
      summary: clientIds.map(id => `${id}: ${clients[id].title}`).join('; '),
    },
    { kind: 'flag', name: 'yes', short: 'y', summary: 'with --install: do not ask' },
  ],
  examples: [
    {
      command: 'heyvm mcp',
      about: 'what a client starts, for example after: claude mcp add heyvm -- heyvm mcp',
    },
    { command: 'heyvm mcp --read-only', about: 'for an agent that only looks' },
    { command: 'heyvm mcp --install codex', about: 'shows the change of its configuration, and asks' },
  ],
  load: () => import('../handlers/mcp.ts'),
};

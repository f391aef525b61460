// Programs that start servers of the Model Context Protocol, where each looks for them, and what it wants to read there.
import { join } from 'node:path';

export type Place = {
  /** The project's folder. */
  readonly folder: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
};

export type Start = { readonly command: string; readonly args: readonly string[] };

export type Client = {
  readonly title: string;
  readonly about: string;
  /** Whose file it is: one of the project is shared with everybody who works on it. */
  readonly whose: 'project' | 'person';
  readonly form: 'json' | 'toml';
  /** Where our entry is in it. */
  readonly at: readonly [servers: string, ours: string];
  path(place: Place): string;
  entry(start: Start): Readonly<Record<string, unknown>>;
};

const OURS = 'heyvm';

export const clients = {
  project: {
    title: '.mcp.json of the project',
    about: 'for Claude Code and others that read it, for everybody who works on the project',
    whose: 'project',
    form: 'json',
    at: ['mcpServers', OURS],
    path: ({ folder }) => join(folder, '.mcp.json'),
    entry: ({ command, args }) => ({ command, args: [...args] }),
  },
  claude: {
    title: 'Claude Code',
    about: 'for you, in every project',
    whose: 'person',
    form: 'json',
    at: ['mcpServers', OURS],
    path: ({ home, env }) => join(env['CLAUDE_CONFIG_DIR'] || home, '.claude.json'),
    entry: ({ command, args }) => ({ type: 'stdio', command, args: [...args] }),
  },
  copilot: {
    title: 'GitHub Copilot CLI',
    about: 'for you, in every project',
    whose: 'person',
    form: 'json',
    at: ['mcpServers', OURS],
    path: ({ home }) => join(home, '.copilot', 'mcp-config.json'),
    entry: ({ command, args }) => ({ type: 'local', command, args: [...args], tools: ['*'] }),
  },
  codex: {
    title: 'Codex',
    about: 'for you, in every project',
    whose: 'person',
    form: 'toml',
    at: ['mcp_servers', OURS],
    path: ({ home, env }) => join(env['CODEX_HOME'] || join(home, '.codex'), 'config.toml'),
    entry: ({ command, args }) => ({ command, args: [...args] }),
  },
} as const satisfies Readonly<Record<string, Client>>;

export type ClientId = keyof typeof clients;

export const clientIds = Object.keys(clients) as [ClientId, ...ClientId[]];

// Commands that make, show, start, stop and remove sandboxes.
import type { Command } from '../command.ts';
import { coldFlag, publishFlag, sandboxArgument, sandboxExample, specFlags } from './shared.ts';
import { wt } from './worktree.ts';

const create: Command = {
  name: 'create',
  summary: 'Make a sandbox and start it',
  arguments: [],
  flags: [
    { kind: 'string', name: 'name', value: 'NAME', summary: 'its name; unique on this machine' },
    {
      kind: 'string',
      name: 'workspace',
      value: 'FOLDER',
      complete: 'file',
      summary: 'the folder of the host at /workspace; an empty one of its own when left out',
    },
    ...specFlags,
  ],
  examples: [
    { command: 'heyvm create --name scratch', about: 'an empty sandbox without network' },
    {
      command: 'heyvm create --workspace . --memory 2g --pids 200',
      about: 'this folder inside, with limits',
    },
    {
      command: 'heyvm create --backend docker --image node:24 --publish 3000',
      about: 'from an image, with port 3000 on this machine',
    },
  ],
  json: sandboxExample,
  load: () => import('../handlers/create.ts'),
};

const list: Command = {
  name: 'list',
  aliases: ['ls'],
  summary: 'List the sandboxes',
  arguments: [],
  flags: [
    { kind: 'flag', name: 'all', short: 'a', summary: 'running and stopped ones, which is the default' },
    { kind: 'flag', name: 'running', summary: 'only those that run' },
    { kind: 'flag', name: 'stopped', summary: 'only those that do not run' },
  ],
  examples: [
    { command: 'heyvm list', about: 'all of them as a table' },
    { command: 'heyvm list --running --format json', about: 'for programs' },
  ],
  json: [sandboxExample],
  load: () => import('../handlers/list.ts'),
};

const get: Command = {
  name: 'get',
  aliases: ['show'],
  summary: 'Show one sandbox',
  arguments: [sandboxArgument],
  flags: [],
  examples: [{ command: 'heyvm get wt-feature-x', about: 'everything that is known about it' }],
  json: sandboxExample,
  load: () => import('../handlers/get.ts'),
};

const start: Command = {
  name: 'start',
  summary: 'Start a stopped sandbox',
  details: ['One that was suspended goes on where it was.'],
  arguments: [sandboxArgument],
  flags: [publishFlag, coldFlag],
  examples: [
    { command: 'heyvm start wt-feature-x', about: 'a running one is left as it is' },
    { command: 'heyvm start wt-feature-x --publish 8080:3000', about: 'with port 3000 at 127.0.0.1:8080' },
  ],
  json: sandboxExample,
  load: () => import('../handlers/start.ts'),
};

const stop: Command = {
  name: 'stop',
  summary: 'Stop a sandbox; its files stay',
  arguments: [sandboxArgument],
  flags: [
    {
      kind: 'duration',
      name: 'grace',
      value: 'TIME',
      summary: 'how long the guest may take before it is killed',
    },
  ],
  examples: [
    { command: 'heyvm stop wt-feature-x --grace 2s', about: 'ask, and kill what is left after two seconds' },
  ],
  json: { ...sandboxExample, status: 'stopped', owner: undefined, started_at: undefined },
  load: () => import('../handlers/stop.ts'),
};

const restart: Command = {
  name: 'restart',
  summary: 'Stop a sandbox and start it again',
  arguments: [sandboxArgument],
  flags: [],
  examples: [{ command: 'heyvm restart wt-feature-x', about: 'everything that ran inside is gone' }],
  json: sandboxExample,
  load: () => import('../handlers/restart.ts'),
};

const rm: Command = {
  name: 'rm',
  aliases: ['delete', 'remove'],
  summary: 'Remove sandboxes and their own files, never a worktree',
  arguments: [{ ...sandboxArgument, presence: 'many' }],
  flags: [
    { kind: 'flag', name: 'yes', short: 'y', summary: 'do not ask' },
    { kind: 'flag', name: 'force', short: 'f', summary: 'also when it runs' },
  ],
  examples: [
    { command: 'heyvm rm scratch', about: 'asks first' },
    { command: 'heyvm rm -y --force scratch other', about: 'does not ask, and stops what runs' },
  ],
  json: { removed: ['sb-0a1b2c3d'] },
  load: () => import('../handlers/rm.ts'),
};

export const sandboxCommands: readonly Command[] = [wt, create, list, get, start, stop, restart, rm];

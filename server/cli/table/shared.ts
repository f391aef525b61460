// Arguments, flags and example answers that several commands share.
import { networkModes, runtimes, sandboxTypes } from '../../protocol/backend.ts';
import type { Argument, Flag } from '../command.ts';

export const sandboxArgument: Argument = {
  name: 'sandbox',
  summary: 'the id or name of a sandbox',
  presence: 'required',
  complete: 'sandbox',
};

const limitFlags: readonly Flag[] = [
  {
    kind: 'number',
    name: 'cpus',
    value: 'COUNT',
    min: 0.01,
    whole: 'any',
    summary: 'at most this many processors',
  },
  { kind: 'size', name: 'memory', value: 'SIZE', summary: 'at most this much memory, such as 512m or 2g' },
  {
    kind: 'number',
    name: 'pids',
    value: 'COUNT',
    min: 1,
    whole: 'whole',
    summary: 'at most this many processes',
  },
  { kind: 'duration', name: 'wall', value: 'TIME', summary: 'the guest ends after running this long' },
  { kind: 'size', name: 'disk', value: 'SIZE', summary: 'at most this much on its own disk, such as 20g' },
];

/** What `resize` can change; `create` and `wt` take the same. */
export const resizeFlags = limitFlags;

export const publishFlag: Flag = {
  kind: 'list',
  name: 'publish',
  value: '[HOST:]GUEST',
  summary: 'offer a port of the guest on 127.0.0.1, on any free port unless HOST is given; may be repeated',
};

export const coldFlag: Flag = {
  kind: 'flag',
  name: 'cold',
  summary: 'start from nothing, not from a prepared template',
};

/** What a new sandbox is made of; `create`, `wt` and `run` take the same. */
export const makingFlags: readonly Flag[] = [
  {
    kind: 'string',
    name: 'backend',
    aliases: ['backend-type'],
    value: 'ID',
    complete: 'backend',
    summary: 'the backend instead of the one that settings or heyvm choose',
  },
  {
    kind: 'choice',
    name: 'type',
    value: 'TYPE',
    choices: sandboxTypes,
    summary: `what the sandbox is for: ${sandboxTypes.join(', ')}`,
  },
  {
    kind: 'choice',
    name: 'runtime',
    value: 'RUNTIME',
    choices: runtimes,
    summary: `what must be runnable inside: ${runtimes.join(', ')}`,
  },
  {
    kind: 'string',
    name: 'image',
    value: 'IMAGE',
    summary: 'what the guest boots or runs from: a name, or the path of a .wasm or .webc',
  },
  {
    kind: 'choice',
    name: 'network',
    value: 'MODE',
    choices: networkModes,
    summary: `what the guest may reach: ${networkModes.join(', ')}`,
  },
  {
    kind: 'list',
    name: 'mount',
    value: 'HOST:GUEST[:rw]',
    complete: 'file',
    summary: 'show a folder of the host inside, read-only unless :rw; may be repeated',
  },
  {
    kind: 'list',
    name: 'env',
    short: 'e',
    value: 'NAME[=VALUE]',
    summary: 'a variable of the guest, with the value that it has here unless one is given; may be repeated',
  },
  ...limitFlags,
  coldFlag,
  {
    kind: 'string',
    name: 'connect',
    value: 'URI',
    summary: 'where the engine or hypervisor of the backend is reached',
  },
  {
    kind: 'list',
    name: 'option',
    value: 'NAME=VALUE',
    summary: 'an option of the backend, over that of the settings; may be repeated',
  },
];

export const specFlags: readonly Flag[] = [
  ...makingFlags,
  {
    kind: 'number',
    name: 'ttl-seconds',
    value: 'SECONDS',
    min: 1,
    whole: 'whole',
    summary: 'the sandbox expires this long after it was made',
  },
  publishFlag,
];

export const trustFlag: Flag = {
  kind: 'flag',
  name: 'trust',
  summary: "agree to what the project's file asks for beyond what a branch may have",
};

/** How a program is started; `exec` and `run` take the same. */
export const cwdFlag: Flag = {
  kind: 'string',
  name: 'cwd',
  short: 'C',
  value: 'FOLDER',
  summary: 'the folder inside; /workspace when left out',
};

export const ttyFlag: Flag = {
  kind: 'flag',
  name: 'tty',
  short: 't',
  summary: 'give the program a terminal',
};

export const interactiveFlag: Flag = {
  kind: 'flag',
  name: 'interactive',
  short: 'i',
  summary: 'accepted for habit; stdin is always passed on',
};

export const sandboxExample = {
  id: 'sb-0a1b2c3d',
  name: 'wt-feature-x',
  status: 'running',
  backend_type: 'bubblewrap',
  backend_reason: 'the strongest backend that is ready on this machine',
  type: 'general',
  runtime: 'shell',
  workspace: { path: '/home/me/feature-x', mode: 'bind', git: 'narrowed' },
  worktree: { branch: 'feature/x', path: '/home/me/feature-x', repository: '/home/me/project' },
  created_at: '2026-01-01T12:00:00.000Z',
  started_at: '2026-01-01T12:00:00.500Z',
  policy: { network: 'none' },
  limits: { memory: 2_147_483_648 },
  ports: [{ guest: 3000 }],
  ssh: { alias: 'heyvm-wt-feature-x' },
  attached: false,
  owner: { pid: 4711, started_at: '2026-01-01T12:00:00.200Z' },
};

export const worktreeExample = {
  branch: 'feature/x',
  path: '/home/me/feature-x',
  repository: '/home/me/project',
  sandbox: sandboxExample,
};

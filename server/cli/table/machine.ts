// Commands about ssh, this machine, and heyvm itself.
import type { Command } from '../command.ts';
import { mcp } from './agents.ts';
import { coldFlag, sandboxArgument } from './shared.ts';

const sshConfig: Command = {
  name: 'ssh-config',
  summary: 'Make every sandbox a host of OpenSSH',
  details: [
    'Without a flag it prints the aliases. --install adds one Include line to your configuration, --uninstall takes it out again and leaves the rest byte for byte.',
  ],
  arguments: [],
  flags: [
    { kind: 'flag', name: 'install', summary: 'add the Include line' },
    { kind: 'flag', name: 'uninstall', summary: 'take it out again' },
    { kind: 'flag', name: 'status', summary: 'say whether OpenSSH sees the aliases' },
    {
      kind: 'string',
      name: 'config',
      value: 'PATH',
      complete: 'file',
      summary: 'this file instead of ~/.ssh/config',
    },
  ],
  examples: [
    { command: 'heyvm ssh-config --install', about: 'then: ssh heyvm-wt-feature-x' },
    { command: 'heyvm ssh-config --status', about: 'what ssh -G says' },
  ],
  json: { config: '/home/me/.ssh/config', changed: true, include: 'Include "/home/me/.heyo/ssh/config"' },
  load: () => import('../handlers/sshConfig.ts'),
};

const sshProxy: Command = {
  name: 'ssh-proxy',
  summary: 'Connect stdin and stdout to the ssh endpoint of a sandbox',
  details: [
    'The ProxyCommand of the aliases. It waits while the sandbox starts, stops or gets another owner, and says on stderr what it waits for. A sandbox that crashed or ended with the machine is started again; one that was stopped on purpose is not.',
  ],
  arguments: [sandboxArgument],
  flags: [],
  examples: [
    {
      command: "ssh -o ProxyCommand='heyvm ssh-proxy wt-feature-x' dev@sandbox",
      about: 'ssh without the aliases',
    },
  ],
  load: () => import('../handlers/sshProxy.ts'),
};

const sshListen: Command = {
  name: 'ssh-listen',
  summary: 'Offer ssh of a sandbox on a port of loopback, for clients that ignore ProxyCommand',
  details: [
    'Off until it is asked for. The port is one of 127.0.0.1 and stays the same; whoever connects has to have the key that is made for this sandbox alone, since every program of this machine can reach the port. It is there while the sandbox runs. The second alias, direct.heyvm-<name>, has port and key.',
  ],
  arguments: [sandboxArgument],
  flags: [{ kind: 'flag', name: 'off', summary: 'end it, and forget the port and the key' }],
  examples: [
    { command: 'heyvm ssh-listen wt-feature-x', about: 'then: ssh direct.heyvm-wt-feature-x' },
    { command: 'heyvm ssh-listen wt-feature-x --off', about: 'and no longer' },
  ],
  json: { alias: 'direct.heyvm-wt-feature-x', port: 40_123 },
  load: () => import('../handlers/sshListen.ts'),
};

const doctor: Command = {
  name: 'doctor',
  summary: 'Look at everything that must be right, and say what mends the rest',
  details: ['The exit code is 1 when something must be mended.'],
  arguments: [],
  flags: [],
  examples: [{ command: 'heyvm doctor', about: 'the first thing to run when something fails' }],
  json: {
    checks: [{ id: 'store', title: 'Store /home/me/.heyo', state: 'ok', detail: 'readable by you alone' }],
  },
  load: () => import('../handlers/doctor.ts'),
};

const supportBundle: Command = {
  name: 'support-bundle',
  summary: 'Write what helps to find a fault into one file, with everything secret taken out',
  details: [
    'Versions, the report of the doctor, settings, and of each sandbox its record and the last lines of its log. Values of variables are left out, as is what has the name or the shape of a secret. Nothing is sent anywhere: look at it before you do.',
  ],
  arguments: [
    {
      name: 'file',
      summary: 'a new .tar.gz; heyvm-support-<time>.tar.gz in this folder when left out',
      presence: 'optional',
      complete: 'file',
    },
  ],
  flags: [],
  examples: [{ command: 'heyvm support-bundle', about: 'then: tar tzf heyvm-support-….tar.gz' }],
  json: {
    path: '/home/me/heyvm-support-2026-01-01T12-00-00Z.tar.gz',
    files: [{ name: 'heyvm-support/versions.json', bytes: 240 }],
    redacted: 3,
  },
  load: () => import('../handlers/supportBundle.ts'),
};

const backends: Command = {
  name: 'backends',
  summary: 'List the ways to run a sandbox, and what this machine has of them',
  arguments: [
    { name: 'backend', summary: 'only this one, in detail', presence: 'optional', complete: 'backend' },
  ],
  flags: [
    { kind: 'flag', name: 'probe', summary: 'try each on this machine, which is the default for text' },
    { kind: 'flag', name: 'no-probe', summary: 'only what they are, not whether they are here' },
  ],
  examples: [
    { command: 'heyvm backends', about: 'the table' },
    { command: 'heyvm backends bubblewrap --probe --format json', about: 'one, with all capabilities' },
  ],
  json: [
    {
      id: 'bubblewrap',
      aliases: [],
      title: 'bubblewrap',
      summary: 'Namespaces, seccomp and cgroups around programs of this machine',
      hosts: [{ platform: 'linux', arch: ['x64', 'arm64'] }],
      capabilities: {
        boundary: 'syscalls',
        lifetime: 'owned',
        workspace: 'bind',
        git: ['narrowed'],
        network: ['none', 'open'],
        runtimes: ['shell'],
        resources: { cpus: 'hard', memory: 'hard', pids: 'hard', wall: 'hard' },
        exec: { pty: true, signals: true, user: false },
        dial: ['tcp', 'unix'],
        files: 'live',
        snapshots: 'none',
        pause: false,
        editor: true,
        caveats: [],
      },
      verified: 'real',
      availability: { kind: 'missing', what: 'bwrap is not on PATH', fix: 'sudo apt install bubblewrap' },
    },
  ],
  load: () => import('../handlers/backends.ts'),
};

const testBackend: Command = {
  name: 'test-backend',
  summary: 'Start a throwaway sandbox on a backend, use it and remove it',
  details: [
    'Prints PASS or FAIL with how long each step took; the exit code is 1 when a step failed. Nothing of it stays.',
  ],
  arguments: [{ name: 'backend', summary: 'the backend', presence: 'required', complete: 'backend' }],
  flags: [
    {
      kind: 'string',
      name: 'image',
      value: 'IMAGE',
      complete: 'image',
      summary: 'what the guest boots or runs from',
    },
    coldFlag,
  ],
  examples: [
    { command: 'heyvm test-backend libvirt', about: 'boots a machine, uses it, and removes it' },
    { command: 'heyvm test-backend docker --image debian:12', about: 'with an image of your choice' },
  ],
  json: {
    backend: 'bubblewrap',
    passed: true,
    steps: [{ name: 'create and start', duration_ms: 48.2, outcome: 'passed' }],
  },
  load: () => import('../handlers/testBackend.ts'),
};

const prune: Command = {
  name: 'prune',
  summary: 'Remove what no sandbox needs: leftovers of crashes, old versions, expired sandboxes',
  details: [
    'Shows first and asks; without a terminal it only removes with --yes. Nothing that runs is touched, and no worktree.',
  ],
  arguments: [],
  flags: [
    { kind: 'flag', name: 'dry-run', summary: 'only show what would go' },
    { kind: 'flag', name: 'stopped', summary: 'also sandboxes that are stopped' },
    { kind: 'flag', name: 'yes', short: 'y', summary: 'do not ask' },
  ],
  examples: [{ command: 'heyvm prune --dry-run', about: 'what would go, and how much room it takes' }],
  json: {
    removed: [{ what: 'old version', path: '/home/me/.heyo/lib/0.0.9', bytes: 1_048_576 }],
    dry_run: false,
  },
  load: () => import('../handlers/prune.ts'),
};

const completion: Command = {
  name: 'completion',
  summary: 'Print a script that teaches your shell to complete heyvm',
  arguments: [
    { name: 'shell', summary: 'bash, zsh or fish', presence: 'required', complete: ['bash', 'zsh', 'fish'] },
  ],
  flags: [],
  examples: [
    { command: 'source <(heyvm completion bash)', about: 'for this shell; put it into ~/.bashrc for all' },
    { command: 'heyvm completion fish > ~/.config/fish/completions/heyvm.fish', about: 'fish' },
  ],
  json: { shell: 'bash', script: 'complete -F _heyvm heyvm\n' },
  load: () => import('../handlers/completion.ts'),
};

const version: Command = {
  name: 'version',
  summary: 'Print the version',
  arguments: [],
  flags: [],
  examples: [
    { command: 'heyvm version --format json', about: 'with the protocol and the Node that runs it' },
  ],
  json: { build: '0.1.0-3f2a9c', protocol: '1.0', node: '24.0.0', platform: 'linux-x64' },
  load: () => import('../handlers/version.ts'),
};

const help: Command = {
  name: 'help',
  summary: 'Say what heyvm or one of its commands does',
  arguments: [
    { name: 'command', summary: 'a command', presence: 'optional', complete: 'command' },
    { name: 'subcommand', summary: 'its second word, where it has one', presence: 'optional' },
  ],
  flags: [],
  examples: [
    { command: 'heyvm help exec', about: 'the same as heyvm exec --help' },
    { command: 'heyvm help --format json', about: 'all commands as data' },
  ],
  json: [{ name: 'list', summary: 'List the sandboxes', arguments: [], flags: [], examples: [] }],
  load: () => import('../handlers/help.ts'),
};

const complete: Command = {
  name: '__complete',
  summary: 'Words for completion scripts',
  arguments: [{ name: 'kind', summary: 'sandbox, branch, backend or image', presence: 'required' }],
  flags: [],
  examples: [],
  hidden: true,
  load: () => import('../handlers/complete.ts'),
};

export const machineCommands: readonly Command[] = [
  sshConfig,
  sshProxy,
  sshListen,
  mcp,
  doctor,
  supportBundle,
  backends,
  testBackend,
  prune,
  completion,
  version,
  help,
  complete,
];

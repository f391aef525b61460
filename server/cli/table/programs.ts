// Commands that run programs in a sandbox, move files, and reach its ports.
import type { Command } from '../command.ts';
import { cwdFlag, interactiveFlag, makingFlags, sandboxArgument, ttyFlag } from './shared.ts';

/** Failures of ours that must not look like the guest's own status. */
const OURS = 125;

const execExample = {
  stdout: '42\n',
  stderr: '',
  exit_code: 0,
  timed_out: false,
  truncated: false,
  duration_ms: 12,
};

const exec: Command = {
  name: 'exec',
  summary: 'Run a program in a sandbox',
  details: [
    'Everything from the program on is passed on unchanged; no shell reads it. Both outputs are streamed, stdin is passed on, and so are the signals INT, TERM, HUP and QUIT.',
    "The exit status is the program's own, 128 and the signal's number when a signal ended it, 127 when there is no such program, 7 when --timeout ended it, and 125 when heyvm itself failed.",
  ],
  arguments: [
    sandboxArgument,
    { name: 'program', summary: 'the program and its arguments', presence: 'program' },
  ],
  flags: [
    cwdFlag,
    {
      kind: 'list',
      name: 'env',
      short: 'e',
      value: 'NAME[=VALUE]',
      summary:
        'a variable for the program, with the value that it has here unless one is given; may be repeated',
    },
    {
      kind: 'duration',
      name: 'timeout',
      value: 'TIME',
      summary: 'end the program after this long: TERM, then KILL',
    },
    ttyFlag,
    interactiveFlag,
  ],
  examples: [
    { command: 'heyvm exec wt-feature-x -- npm test', about: 'the exit status is that of npm' },
    { command: 'heyvm exec wt-feature-x sh -c "ls | wc -l"', about: 'works without -- too' },
    { command: 'tar c . | heyvm exec scratch --cwd /tmp -- tar x', about: 'stdin goes inside' },
    {
      command: 'heyvm exec --timeout 10s --format json scratch -- make',
      about: 'outputs, status and time as JSON',
    },
  ],
  json: execExample,
  failureExit: OURS,
  load: () => import('../handlers/exec.ts'),
};

const run: Command = {
  name: 'run',
  summary: 'Run a program in a sandbox that is made for it and gone after it',
  details: [
    'The program gets an empty folder at /workspace, no network, no variables of this machine, and a minute. Its input ends it when it is longer than 64 MiB. --workspace shows a folder instead, read-only unless --writable is given; --file copies single files into the empty folder.',
    'With a backend that runs modules of WebAssembly, the program can be the path of such a file, as in ./tool.wasm: it is the image then, unless --image names one. A file of this machine goes before one inside.',
    'Nothing of the sandbox is left when the program has ended, when its time is over, or when this command is killed.',
    "The exit status is the program's own, 128 and the signal's number when a signal ended it, 127 when there is no such program, 7 when --timeout ended it, and 125 when heyvm itself failed. With --format json one answer is printed at the end, with at most 1 MiB of each output.",
  ],
  arguments: [{ name: 'program', summary: 'the program and its arguments', presence: 'program' }],
  flags: [
    {
      kind: 'duration',
      name: 'timeout',
      value: 'TIME',
      summary: 'end the program after this long: TERM, then KILL; 60s when left out',
    },
    {
      kind: 'list',
      name: 'file',
      value: 'FILE',
      complete: 'file',
      summary: 'copy a file of this machine into /workspace; may be repeated',
    },
    {
      kind: 'string',
      name: 'workspace',
      value: 'FOLDER',
      complete: 'file',
      summary: 'show a folder of this machine at /workspace, read-only',
    },
    { kind: 'flag', name: 'writable', summary: 'with --workspace: the program may write into it' },
    cwdFlag,
    ttyFlag,
    interactiveFlag,
    ...makingFlags,
  ],
  examples: [
    {
      command: `heyvm run --timeout 10 -- python -c 'print(2+2)'`,
      about: 'the exit status is that of the program',
    },
    {
      command: 'heyvm run --file job.py -- python job.py',
      about: 'a file, and nothing else of this machine',
    },
    {
      command: 'heyvm run --workspace . -- npm test',
      about: 'the tests read this folder and change nothing',
    },
    {
      command: 'heyvm run --backend wasip2 -- ./tool.wasm --version',
      about: 'a module of WebAssembly, which sees nothing of this machine',
    },
    {
      command: 'heyvm run --backend docker --image node:24 --network open -- npx cowsay hi',
      about: 'from an image, with network',
    },
    { command: 'echo 1 2 | heyvm run --format json -- wc -w', about: 'output, status and time as JSON' },
  ],
  json: execExample,
  failureExit: OURS,
  load: () => import('../handlers/run.ts'),
};

const sh: Command = {
  name: 'sh',
  aliases: ['shell'],
  summary: 'Open a shell in a sandbox',
  details: ['A login shell with a terminal; without a terminal the shell reads commands from stdin.'],
  arguments: [sandboxArgument],
  flags: [
    cwdFlag,
    {
      kind: 'list',
      name: 'env',
      short: 'e',
      value: 'NAME[=VALUE]',
      summary:
        'a variable for the shell, with the value that it has here unless one is given; may be repeated',
    },
  ],
  examples: [
    { command: 'heyvm sh wt-feature-x', about: 'until exit' },
    { command: 'echo "git status" | heyvm sh wt-feature-x', about: 'commands from stdin' },
  ],
  failureExit: OURS,
  load: () => import('../handlers/sh.ts'),
};

const logs: Command = {
  name: 'logs',
  summary: 'Print the log of a sandbox: its owner and its console',
  arguments: [sandboxArgument],
  flags: [
    { kind: 'flag', name: 'follow', short: 'f', summary: 'go on printing what is added' },
    {
      kind: 'number',
      name: 'lines',
      short: 'n',
      value: 'COUNT',
      min: 0,
      whole: 'whole',
      summary: 'the last lines; 100 when left out',
    },
  ],
  examples: [{ command: 'heyvm logs -f wt-feature-x', about: 'until Ctrl-C' }],
  json: { path: '/home/me/.heyo/sandboxes/sb-0a1b2c3d/owner.log', text: 'guest is ready\n' },
  load: () => import('../handlers/logs.ts'),
};

const cp: Command = {
  name: 'cp',
  summary: 'Copy files between this machine and a sandbox',
  details: [
    'One side is <sandbox>:<path>; a relative path inside is below /workspace. Modes are kept, symbolic links stay symbolic links, and nothing that the guest names can lead outside of the target folder. A local file whose name has a colon is written as ./name.',
  ],
  arguments: [
    { name: 'source', summary: 'what to copy', presence: 'required', complete: 'file' },
    {
      name: 'target',
      summary: 'where to; into it when it is a folder',
      presence: 'required',
      complete: 'file',
    },
  ],
  flags: [{ kind: 'flag', name: 'recursive', short: 'r', summary: 'folders with all that is in them' }],
  examples: [
    { command: 'heyvm cp notes.txt scratch:/tmp/', about: 'into the sandbox' },
    { command: 'heyvm cp -r wt-feature-x:dist ./dist', about: 'out of its workspace' },
  ],
  json: { files: 3, folders: 1, links: 0, bytes: 4096 },
  load: () => import('../handlers/cp.ts'),
};

const fs: Command = {
  name: 'fs',
  summary: 'Look at and change files in a sandbox',
  details: [
    'Actions: ls, cat, write (from stdin), mkdir, rm, mv, stat. mkdir makes missing parents; rm takes folders only with -r.',
  ],
  arguments: [
    {
      name: 'action',
      summary: 'ls, cat, write, mkdir, rm, mv or stat',
      presence: 'required',
      complete: ['ls', 'cat', 'write', 'mkdir', 'rm', 'mv', 'stat'],
    },
    { name: 'place', summary: '<sandbox>:<path>', presence: 'required', complete: 'sandbox' },
    { name: 'to', summary: 'with mv: the new path inside', presence: 'optional' },
  ],
  flags: [
    { kind: 'flag', name: 'recursive', short: 'r', summary: 'with rm: folders with all that is in them' },
  ],
  examples: [
    { command: 'heyvm fs ls wt-feature-x:src', about: 'a folder of the workspace' },
    { command: 'heyvm fs cat wt-feature-x:/etc/os-release', about: 'a file on stdout' },
    { command: 'echo hi | heyvm fs write scratch:/tmp/hi.txt', about: 'a file from stdin' },
    { command: 'heyvm fs mv scratch:/tmp/hi.txt /tmp/ho.txt', about: 'rename' },
  ],
  json: [{ name: 'main.ts', kind: 'file', size: 120, mode: '0644', modified_at: '2026-01-01T12:00:00.000Z' }],
  load: () => import('../handlers/fs.ts'),
};

const ports: Command = {
  name: 'ports',
  summary: 'List the TCP ports that programs listen on inside',
  arguments: [sandboxArgument],
  flags: [],
  examples: [{ command: 'heyvm ports wt-feature-x', about: 'what could be forwarded' }],
  json: [{ port: 3000, address: '127.0.0.1' }],
  load: () => import('../handlers/ports.ts'),
};

const forward: Command = {
  name: 'forward',
  summary: 'Make ports of a sandbox reachable on this machine',
  details: [
    'Listens on 127.0.0.1 until Ctrl-C. Without a host port the same number is tried and then the next free one; a host port that was named must be free.',
  ],
  arguments: [
    sandboxArgument,
    { name: 'ports', summary: '[host:]guest, several if wanted', presence: 'many' },
  ],
  flags: [],
  examples: [
    { command: 'heyvm forward wt-feature-x 3000', about: 'http://127.0.0.1:3000 here is port 3000 inside' },
    { command: 'heyvm forward wt-feature-x 8080:80 5432', about: 'two at once' },
  ],
  json: [{ guest: 3000, host: 3000, address: '127.0.0.1' }],
  load: () => import('../handlers/forward.ts'),
};

export const programCommands: readonly Command[] = [run, exec, sh, logs, cp, fs, ports, forward];

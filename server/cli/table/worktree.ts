// The command that opens a branch, and does everything else with it.
import type { Command } from '../command.ts';
import { sandboxExample, specFlags, trustFlag, worktreeExample } from './shared.ts';

export const wt: Command = {
  name: 'wt',
  summary: 'Open a git branch in its own sandbox',
  details: [
    'Makes what is missing of branch, worktree and sandbox, and opens a shell inside. The sandbox is gone when the last such shell ends; the worktree stays. With --detach the sandbox goes on running and the command returns as soon as it answers.',
    'A branch with a .heyvm/sandbox.yaml gets the sandbox that it describes, set up once; flags come before it, and what would weaken the sandbox has to be agreed to, as with heyvm up.',
    'One branch has one sandbox, however often and from wherever it is opened. A flag that asks for something other than what that sandbox has is refused.',
    'With --type code or browser the guest has a git folder of its own: commits made inside stay there until --import, --merge, --commits, --cherry-pick or --diff fetches them, checked, into refs/heyvm/<sandbox id>, which needs the sandbox to run. Until then git status on the host compares the files with the commit that the branch had at the beginning. Inside, git fetch host brings what the host has.',
  ],
  arguments: [
    {
      name: 'branch',
      summary: 'the branch; it is created when it is missing',
      presence: 'optional',
      complete: 'branch',
    },
  ],
  flags: [
    { kind: 'flag', name: 'detach', short: 'd', summary: 'leave it running and return' },
    { kind: 'flag', name: 'shell', summary: 'open another shell in the running sandbox of the branch' },
    { kind: 'flag', name: 'list', summary: 'list the worktrees that have a sandbox' },
    { kind: 'flag', name: 'remove', summary: 'remove sandbox and worktree; the branch stays' },
    { kind: 'flag', name: 'force', summary: 'with --remove: even with uncommitted or unpushed work' },
    { kind: 'flag', name: 'diff', summary: 'print what the branch and its worktree changed' },
    { kind: 'flag', name: 'stat', summary: 'with --diff: only the summary per file' },
    {
      kind: 'string',
      name: 'base',
      value: 'BRANCH',
      complete: 'branch',
      summary: 'with --diff: compare with this branch',
    },
    { kind: 'flag', name: 'merge', summary: 'merge the branch into the one of the main worktree' },
    { kind: 'flag', name: 'commits', summary: 'list its commits that the one of the main worktree lacks' },
    {
      kind: 'list',
      name: 'cherry-pick',
      value: 'COMMIT',
      summary: 'take this commit over into the branch of the main worktree; with several, all or none',
    },
    {
      kind: 'flag',
      name: 'import',
      summary: 'bring commits of a private git folder to the repository, below refs/heyvm',
    },
    { kind: 'flag', name: 'create-branch', short: 'b', summary: 'the branch must be a new one' },
    {
      kind: 'string',
      name: 'from',
      value: 'REVISION',
      complete: 'branch',
      summary: 'where a new branch starts',
    },
    { kind: 'string', name: 'path', value: 'FOLDER', complete: 'file', summary: 'where a new worktree goes' },
    trustFlag,
    ...specFlags,
  ],
  examples: [
    { command: 'heyvm wt feature/x', about: 'a shell on feature/x in its own sandbox' },
    { command: 'heyvm wt feature/x --detach', about: 'the same, left running' },
    {
      command: 'heyvm wt fix-1 -b --from v2.0 --network open',
      about: 'a new branch from a tag, with network',
    },
    { command: 'heyvm wt feature/x --diff --stat', about: 'what was changed there' },
    {
      command: 'heyvm wt feature/x --cherry-pick 1f2e3d4c --cherry-pick 5b6a7980',
      about: 'two of its commits into the branch of the main worktree, in this order',
    },
    {
      command: 'heyvm wt feature/x --import',
      about: 'commits of a private git folder, as refs of the repository',
    },
    { command: 'heyvm wt feature/x --remove', about: 'remove sandbox and worktree' },
  ],
  json: {
    sandbox: sandboxExample,
    worktree: worktreeExample,
    created: { branch: true, worktree: true, sandbox: true },
  },
  load: () => import('../handlers/wt.ts'),
};

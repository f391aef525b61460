// Commands that keep, copy and change a sandbox as it is at one moment.
import type { Command } from '../command.ts';
import { resizeFlags, sandboxArgument, sandboxExample } from './shared.ts';

const snapshotExample = { name: 'before-upgrade', created_at: '2026-01-01T12:30:00.000Z', memory: false };

const pause: Command = {
  name: 'pause',
  summary: 'Let everything inside stand still; memory is kept',
  details: ['Time limits go on counting. Programs and terminals that are open wait until it goes on.'],
  arguments: [sandboxArgument],
  flags: [],
  examples: [{ command: 'heyvm pause wt-feature-x', about: 'heyvm resume lets it go on' }],
  json: { ...sandboxExample, status: 'paused' },
  load: () => import('../handlers/pause.ts'),
};

const resume: Command = {
  name: 'resume',
  summary: 'Let a paused or suspended sandbox go on',
  arguments: [sandboxArgument],
  flags: [],
  examples: [{ command: 'heyvm resume wt-feature-x', about: 'programs inside go on where they were' }],
  json: sandboxExample,
  load: () => import('../handlers/resume.ts'),
};

const suspend: Command = {
  name: 'suspend',
  summary: 'Write a running sandbox to disk and end it',
  details: ['It takes no memory any more, and the next start or resume goes on where it was.'],
  arguments: [sandboxArgument],
  flags: [],
  examples: [{ command: 'heyvm suspend wt-feature-x', about: 'before the machine is switched off' }],
  json: {
    ...sandboxExample,
    status: 'stopped',
    status_reason: 'suspended to disk',
    owner: undefined,
    started_at: undefined,
  },
  load: () => import('../handlers/suspend.ts'),
};

const snapshot: Command = {
  name: 'snapshot',
  summary: 'Keep what a sandbox is now under a name',
  details: [
    'Its own disk is kept, and where the backend can, its running programs as well. The workspace is a folder of this machine and stays as it is; git is for that.',
  ],
  arguments: [
    sandboxArgument,
    { name: 'name', summary: 'the name; one is chosen when it is left out', presence: 'optional' },
  ],
  flags: [
    { kind: 'flag', name: 'no-memory', summary: 'the disk alone, without running programs' },
    { kind: 'string', name: 'remove', value: 'NAME', summary: 'remove this snapshot instead' },
  ],
  examples: [
    { command: 'heyvm snapshot wt-feature-x before-upgrade', about: 'heyvm restore brings it back' },
    { command: 'heyvm snapshot wt-feature-x --remove before-upgrade', about: 'heyvm get shows all of them' },
  ],
  json: { sandbox: { ...sandboxExample, snapshots: [snapshotExample] }, snapshot: snapshotExample },
  load: () => import('../handlers/snapshot.ts'),
};

const restore: Command = {
  name: 'restore',
  summary: 'Put a sandbox back to one of its snapshots',
  details: ['A running one is stopped for that and runs again afterwards. The workspace stays as it is.'],
  arguments: [
    sandboxArgument,
    { name: 'snapshot', summary: 'the name of the snapshot', presence: 'required' },
  ],
  flags: [],
  examples: [
    { command: 'heyvm restore wt-feature-x before-upgrade', about: 'heyvm get shows what there is' },
  ],
  json: { ...sandboxExample, snapshots: [snapshotExample] },
  load: () => import('../handlers/restore.ts'),
};

const fork: Command = {
  name: 'fork',
  summary: 'Make running copies of a sandbox',
  details: [
    'Each copy of a worktree sandbox has a worktree and a branch of its own, which begins at the same commit and with the same uncommitted changes. The source goes on and nothing in it changes. Either all copies are made or none.',
    'Where the backend keeps no states, a copy has the files of the workspace and a new home, and that is said.',
  ],
  arguments: [sandboxArgument],
  flags: [
    {
      kind: 'number',
      name: 'count',
      short: 'n',
      value: 'COUNT',
      min: 1,
      whole: 'whole',
      summary: 'how many; one when left out',
    },
  ],
  examples: [
    { command: 'heyvm fork wt-feature-x', about: 'a copy on the branch feature/x-fork-1' },
    { command: 'heyvm fork wt-feature-x --count 5', about: 'five at once, to try five ways' },
  ],
  json: {
    sandboxes: [{ ...sandboxExample, id: 'sb-1b2c3d4e', name: 'wt-feature-x-fork-1' }],
    memory: false,
    why_no_memory: 'its backend keeps disks alone',
  },
  load: () => import('../handlers/fork.ts'),
};

const resize: Command = {
  name: 'resize',
  summary: 'Change the limits of a sandbox',
  details: ['What a running guest cannot take over counts from its next start on, which is then said.'],
  arguments: [sandboxArgument],
  flags: resizeFlags,
  examples: [{ command: 'heyvm resize wt-feature-x --memory 4g --cpus 2', about: 'then heyvm restart' }],
  json: { sandbox: sandboxExample, restart_needed: true },
  load: () => import('../handlers/resize.ts'),
};

export const momentCommands: readonly Command[] = [pause, resume, suspend, snapshot, restore, fork, resize];

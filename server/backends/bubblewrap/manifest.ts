// What the bubblewrap backend is and can do at most; data only.
import type { Manifest } from '../../core/backend.ts';
import { Options } from './options.ts';

export const manifest: Manifest = {
  id: 'bubblewrap',
  aliases: ['bwrap'],
  title: 'bubblewrap',
  summary: 'Namespaces on the host’s own system: starts in milliseconds and shares the kernel',
  hosts: [{ platform: 'linux', arch: ['x64', 'arm64'] }],
  capabilities: {
    boundary: 'container',
    lifetime: 'owned',
    workspace: 'bind',
    git: ['narrowed', 'private'],
    network: ['none', 'open'],
    runtimes: ['shell', 'python', 'node'],
    resources: { cpus: 'hard', memory: 'hard', pids: 'hard', wall: 'hard' },
    exec: { pty: true, signals: true, user: true },
    dial: ['tcp', 'unix'],
    files: 'live',
    snapshots: 'none',
    pause: false,
    editor: true,
    caveats: [
      'The guest shares the kernel of the host: a flaw in the kernel is a way out',
      'With network open the guest is on the host’s own network, with its loopback services and abstract sockets',
      'The programs and libraries in /usr are those of the host, and readable',
    ],
  },
  verified: 'real',
  rank: { worktree: 10, throwaway: 100 },
  options: Options,
};

// What the libvirt backend is and can do at most; data only.
import type { Manifest } from '../../core/backend.ts';
import { Options } from './options.ts';

export const manifest: Manifest = {
  id: 'libvirt',
  aliases: ['qemu'],
  title: 'libvirt',
  summary: 'A full virtual machine with a kernel of its own, run by QEMU through libvirt',
  hosts: [{ platform: 'linux', arch: ['x64'] }],
  capabilities: {
    boundary: 'vm',
    lifetime: 'external',
    workspace: 'shared',
    git: ['narrowed', 'private'],
    network: ['none', 'open'],
    runtimes: ['shell', 'python', 'node'],
    images: ['disk'],
    // A machine has whole processors, and counting processes is the business of its own kernel.
    resources: { cpus: 'best-effort', memory: 'hard', pids: 'none', wall: 'hard', disk: 'hard' },
    exec: { pty: true, signals: true, user: true },
    dial: ['tcp', 'unix'],
    files: 'live',
    snapshots: 'memory',
    pause: true,
    suspend: true,
    editor: true,
    caveats: [
      'QEMU runs as the person who starts it: a flaw in QEMU is a way out to what that person may do',
      'With network open the guest reaches what this machine reaches, and its loopback services: at 10.0.2.2, and as root at 127.0.0.1',
      'A limit on processors is rounded up to whole ones',
      'Where the kernel inside has no 9p, the workspace comes over SFTP, which takes more time for each operation',
    ],
  },
  verified: 'real',
  rank: { worktree: 60, throwaway: 20 },
  options: Options,
  environment: ['SSH_AUTH_SOCK'],
  defaultImage: 'ubuntu:24.04',
};

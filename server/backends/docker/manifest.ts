// What the docker backend is and can do at most; data only.
import type { Manifest } from '../../core/backend.ts';
import { Options } from './options.ts';

export const manifest: Manifest = {
  id: 'docker',
  aliases: ['podman'],
  title: 'Docker',
  summary: 'Containers from any image, kept by a Docker or Podman engine that sees this machine’s files',
  hosts: [
    { platform: 'linux', arch: ['x64', 'arm64'] },
    { platform: 'darwin', arch: ['x64', 'arm64'] },
  ],
  capabilities: {
    boundary: 'container',
    lifetime: 'external',
    workspace: 'bind',
    git: ['narrowed', 'private'],
    network: ['none', 'open'],
    runtimes: ['shell', 'python', 'node'],
    images: ['oci'],
    resources: { cpus: 'hard', memory: 'hard', pids: 'hard', wall: 'hard' },
    exec: { pty: true, signals: true, user: true },
    dial: ['tcp', 'unix'],
    files: 'live',
    snapshots: 'disk',
    pause: true,
    editor: true,
    caveats: [
      'The guest shares the kernel of the host unless a runtime with a kernel of its own is chosen',
      'Whoever may talk to the engine can read everything in the sandbox, and is as good as root on most machines',
      'With network open the guest reaches whatever the engine’s bridge network reaches',
    ],
  },
  verified: 'real',
  rank: { worktree: 20, throwaway: 5 },
  options: Options,
  environment: [
    'DOCKER_HOST',
    'DOCKER_CONTEXT',
    'DOCKER_CONFIG',
    'DOCKER_TLS_VERIFY',
    'DOCKER_CERT_PATH',
    'XDG_RUNTIME_DIR',
  ],
  defaultImage: 'debian:12',
};

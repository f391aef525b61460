// What the wasix backend is and can do at most; data only.
import type { Manifest } from '../../core/backend.ts';
import { Options } from './options.ts';
import { runnerFor } from './runner.ts';

const arch = ['x64', 'arm64'] as const;

export const manifest: Manifest = {
  id: 'wasix',
  aliases: ['wasmer'],
  title: 'Wasmer (WASIX)',
  summary:
    'Programs of WebAssembly with WASI or WASIX in a process of their own, run by Wasmer; no kernel, no system',
  hosts: (['linux', 'darwin', 'win32'] as const).map(platform => ({ platform, arch })),
  capabilities: {
    boundary: 'process',
    lifetime: 'owned',
    workspace: 'shared',
    git: ['none'],
    network: ['none', 'open'],
    runtimes: ['wasm', 'shell', 'python', 'node'],
    images: ['wasm-core', 'wasm-package'],
    resources: { cpus: 'none', memory: 'best-effort', pids: 'none', wall: 'hard' },
    exec: { pty: true, signals: false, user: false },
    dial: ['tcp'],
    files: 'live',
    snapshots: 'none',
    pause: false,
    editor: false,
    caveats: [
      'The wall is the WebAssembly engine of Node and the runtime of Wasmer: a flaw in either is a way into a process of yours',
      'With network open the guest is on the host’s own network, with its loopback services',
      'Programs cannot act on signals: they end when they are told to, and at once when they do not',
      'WASI preview 1 knows no current folder: programs are told it in PWD, and most take relative names from /',
      'Links in the workspace are followed inside it; programs see no links and can make none',
      'The runtimes shell, python and node are packages of the registry of Wasmer, fetched with their first use',
    ],
  },
  verified: 'real',
  rank: { worktree: 0, throwaway: 0 },
  options: Options,
  runners: ['wasix'],
  ahead: runnerFor(undefined),
};

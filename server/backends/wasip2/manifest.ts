// What the wasip2 backend is and can do at most; data only.
import type { Manifest } from '../../core/backend.ts';
import { Options } from './options.ts';

export const manifest: Manifest = {
  id: 'wasip2',
  aliases: ['wasi'],
  title: 'WASI 0.2',
  summary: 'WebAssembly components and modules, as programs or as HTTP servers, with nothing to install',
  hosts: [
    { platform: 'linux', arch: ['x64', 'arm64'] },
    { platform: 'darwin', arch: ['x64', 'arm64'] },
    { platform: 'win32', arch: ['x64', 'arm64'] },
  ],
  capabilities: {
    boundary: 'process',
    lifetime: 'owned',
    workspace: 'bind',
    git: ['none'],
    network: ['none', 'open'],
    runtimes: ['wasm'],
    types: ['general', 'code'],
    images: ['wasm-component', 'wasm-core'],
    resources: { cpus: 'none', memory: 'best-effort', pids: 'none', wall: 'hard' },
    exec: { pty: false, signals: false, user: false },
    dial: ['tcp'],
    files: 'live',
    snapshots: 'none',
    pause: false,
    editor: false,
    caveats: [
      'The only wall is the WebAssembly engine: a flaw in it is a way to everything that you can do',
      'With network open programs are on this machine’s own network, with its loopback services',
      'Programs that were not made for WASI do not run',
    ],
  },
  verified: 'real',
  rank: { worktree: 0, throwaway: 0 },
  options: Options,
  runners: ['wasip2', 'js-component-bindgen-component', 'wasm-tools'],
};

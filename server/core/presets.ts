// What a sandbox's type stands for until a person asks for something else.
import type { Capabilities, NetworkMode, Runtime, SandboxType } from '../protocol/backend.ts';
import type { GitMode } from '../protocol/sandbox.ts';

export type Preset = {
  readonly network: NetworkMode;
  /** How git works inside when the sandbox shows a worktree. */
  readonly git: Exclude<GitMode, 'none'>;
};

const presets: Readonly<Record<SandboxType, Preset>> = {
  general: { network: 'none', git: 'narrowed' },
  code: { network: 'none', git: 'private' },
  browser: { network: 'none', git: 'private' },
  desktop: { network: 'none', git: 'narrowed' },
  builder: { network: 'none', git: 'narrowed' },
};

/** What a sandbox runs when nobody asked. */
export function runtimeOf({ runtimes }: Capabilities): Runtime {
  return runtimes[0] ?? 'shell';
}

/** How git works inside a worktree of this type; not at all where the backend shows worktrees without it. */
export function gitOf({ git }: Capabilities, type: SandboxType): GitMode {
  const wanted = presetOf(type).git;
  return !git.includes(wanted) && git.includes('none') ? 'none' : wanted;
}

export function presetOf(type: SandboxType): Preset {
  return presets[type];
}

// What a sandbox's type stands for until a person asks for something else.
import type { NetworkMode, SandboxType } from '../protocol/backend.ts';
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

export function presetOf(type: SandboxType): Preset {
  return presets[type];
}

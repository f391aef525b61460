// What the description of an engine means for guests: how users are mapped, which limits hold, what the boundary is.
import type { Boundary, Capabilities } from '../../protocol/backend.ts';
import type { Info } from './answers.ts';

export type Traits = {
  readonly rootless: boolean;
  /** The engine gives users inside other numbers than they have outside. */
  readonly remapped: boolean;
  readonly seccomp: 'on' | 'off';
  readonly runtimes: readonly string[];
  readonly resources: Capabilities['resources'];
};

export function traitsOf(info: Info): Traits {
  const options = (info.SecurityOptions ?? []).map(option => new Map(option.split(',').map(pairOf)));
  const has = (name: string): boolean => options.some(option => option.get('name') === name);
  const filter = options.find(option => option.get('name') === 'seccomp');
  const rootless = has('rootless');
  const holds = (...claims: readonly boolean[]): 'hard' | 'none' =>
    info.CgroupDriver !== 'none' && claims.every(claim => claim) ? 'hard' : 'none';
  return {
    rootless,
    remapped: has('userns'),
    seccomp: filter === undefined || filter.get('profile') === 'unconfined' ? 'off' : 'on',
    runtimes: Object.keys(info.Runtimes ?? {}),
    resources: {
      cpus: holds(info.CpuCfsPeriod, info.CpuCfsQuota),
      // Without a limit for swap a guest goes on at the cost of everybody's disk.
      memory: info.SwapLimit
        ? holds(info.MemoryLimit)
        : holds(info.MemoryLimit) === 'hard'
          ? 'best-effort'
          : 'none',
      pids: holds(info.PidsLimit),
      wall: 'hard',
    },
  };
}

/** A kernel of its own between guest and host, as far as the name of a runtime tells. */
export function boundaryOf(runtime: string | undefined): Boundary {
  if (runtime === undefined) return 'container';
  return /^(io\.containerd\.)?(runsc|gvisor|kata)/.test(runtime) ? 'microvm' : 'container';
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

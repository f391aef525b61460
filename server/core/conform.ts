// Compares what is asked of a sandbox with what a backend can enforce here; every gap refuses the start.
import type { Capabilities, NetworkMode, Runtime, SandboxType } from '../protocol/backend.ts';
import type { GitMode, Limits, PublishedPort } from '../protocol/sandbox.ts';
import { fail } from './errors.ts';

export type Asked = {
  readonly network: NetworkMode;
  readonly limits: Limits;
  /** Whatever the backend offers first when it is left out. */
  readonly runtime?: Runtime | undefined;
  readonly type: SandboxType;
  readonly image?: string | undefined;
  /** The name of whom programs run as. */
  readonly user?: string | undefined;
  /** How git is to work inside; `none` when no worktree is shown. */
  readonly git?: GitMode | undefined;
  readonly ports?: readonly PublishedPort[] | undefined;
};

export type Gap = {
  readonly kind: 'network' | 'limit' | 'runtime' | 'image' | 'user' | 'type' | 'git' | 'port';
  /** What was asked for, as `network allowlist`. */
  readonly asked: string;
  readonly why: string;
  readonly hint?: string;
};

/** Empty when everything holds. What the capabilities do not mention counts as not enforceable. */
export function gapsOf(capabilities: Capabilities, asked: Asked): readonly Gap[] {
  return [
    ...networkGaps(capabilities, asked),
    ...limitGaps(capabilities, asked),
    ...runtimeGaps(capabilities, asked),
    ...typeGaps(capabilities, asked),
    ...imageGaps(capabilities, asked),
    ...userGaps(capabilities, asked),
    ...gitGaps(capabilities, asked),
    ...portGaps(capabilities, asked),
  ];
}

/** What holds only in part; said aloud, not refused. */
export function cautionsOf(capabilities: Capabilities, asked: Asked): readonly string[] {
  const limits = limitNames
    .filter(name => asked.limits[name] !== undefined && capabilities.resources[name] === 'best-effort')
    .map(name =>
      name === 'cpus' && capabilities.boundary !== 'container'
        ? 'the cpus limit counts whole processors, rounded up'
        : `the ${name} limit holds for each process, not for the sandbox as a whole`,
    );
  const gitless = asked.git !== undefined && asked.git !== 'none' && capabilities.git.includes('none');
  return gitless ? [...limits, 'git does not work inside; commit on this machine'] : limits;
}

/** Throws `policy-unenforceable`, or `runtime-missing` when the runtime is all that is missing. */
export function refuseGaps(backendId: string, gaps: readonly Gap[]): void {
  if (gaps.length === 0) return;
  const code = gaps.every(gap => gap.kind === 'runtime') ? 'runtime-missing' : 'policy-unenforceable';
  const listed = gaps.map(gap => `${gap.asked} (${gap.why})`).join('; ');
  const hints = gaps.flatMap(gap => (gap.hint === undefined ? [] : [gap.hint]));
  fail(code, `${backendId} cannot give ${listed}`, {
    ...(hints.length === 0 ? {} : { hint: hints.join('; ') }),
    data: { backend: backendId, gaps },
  });
}

const limitNames = ['cpus', 'memory', 'pids', 'wall', 'disk'] as const;

function networkGaps({ network }: Capabilities, asked: Asked): Gap[] {
  if (network.includes(asked.network)) return [];
  const offered = network.length === 0 ? 'nothing else' : network.join(' or ');
  return [
    {
      kind: 'network',
      asked: `network ${asked.network}`,
      why: `it can only enforce ${offered}`,
      hint: network.includes('none')
        ? 'use --network none, or choose another backend'
        : 'choose another backend',
    },
  ];
}

function limitGaps({ resources }: Capabilities, asked: Asked): Gap[] {
  return limitNames
    .filter(name => asked.limits[name] !== undefined && !isEnforced(resources[name] ?? 'none'))
    .map(name => ({
      kind: 'limit',
      asked: `a ${name} limit`,
      why: 'nothing on this machine lets it bound that',
      hint: `leave out the ${name} limit, or see heyvm doctor for what would make it possible`,
    }));
}

function isEnforced(degree: string): boolean {
  return degree === 'hard' || degree === 'best-effort';
}

function runtimeGaps({ runtimes }: Capabilities, asked: Asked): Gap[] {
  if (asked.runtime === undefined || runtimes.includes(asked.runtime)) return [];
  return [
    {
      kind: 'runtime',
      asked: `the ${asked.runtime} runtime`,
      why: 'it was not found where this backend could take it from',
      hint: runtimeHints[asked.runtime],
    },
  ];
}

const runtimeHints: Readonly<Record<Runtime, string>> = {
  shell: 'install a POSIX shell',
  python: 'install Python 3, for example: apt install python3',
  node: 'install Node.js, for example: apt install nodejs',
  wasm: 'choose a backend for WebAssembly: heyvm backends',
};

function typeGaps({ types = ['general', 'code'] }: Capabilities, asked: Asked): Gap[] {
  if (types.includes(asked.type)) return [];
  return [
    {
      kind: 'type',
      asked: `type ${asked.type}`,
      why: `it has only ${types.join(' and ')}`,
      hint: 'use --type general',
    },
  ];
}

function imageGaps({ images = [] }: Capabilities, asked: Asked): Gap[] {
  if (asked.image === undefined || images.length > 0) return [];
  return [
    {
      kind: 'image',
      asked: `image ${asked.image}`,
      why: 'its guests run on the system of this machine',
      hint: 'leave out the image, or choose another backend',
    },
  ];
}

function userGaps({ exec }: Capabilities, { user }: Asked): Gap[] {
  if (user === undefined || exec.user) return [];
  return [
    {
      kind: 'user',
      asked: `user ${user}`,
      why: 'the user of its guests has a fixed name',
      hint: 'leave out the user, or choose another backend',
    },
  ];
}

function gitGaps({ git }: Capabilities, asked: Asked): Gap[] {
  if (asked.git === undefined || asked.git === 'none' || git.includes(asked.git)) return [];
  // Less than asked, and still nothing that the host would have to fear.
  if (git.includes('none')) return [];
  return [
    {
      kind: 'git',
      asked: `git mode ${asked.git}`,
      why: git.length === 0 ? 'it has none' : `it has only ${git.join(' and ')}`,
      hint: 'use a type that needs less, such as --type general, or choose another backend',
    },
  ];
}

function portGaps({ dial }: Capabilities, { ports = [] }: Asked): Gap[] {
  if (ports.length === 0 || dial.includes('tcp')) return [];
  return [
    {
      kind: 'port',
      asked: 'published ports',
      why: 'ports of its guests cannot be reached from outside',
      hint: 'leave out the ports, or choose another backend',
    },
  ];
}

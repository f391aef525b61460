// Turns a request into what one process of this backend is told and how it is started; pure.

import type { LaunchRequest } from '../../core/backend.ts';
import { WORKSPACE } from '../../core/launch.ts';
import type { ExecRequest } from '../../protocol/exec.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import type { RunOrders, ServeOrders, Surroundings, Watched } from './inside/orders.ts';
import { HOME } from './places.ts';

export type Host = {
  readonly node: string;
  /** What has to be in the environment for it to be a Node. */
  readonly env: Readonly<Record<string, string>>;
  /** The program that makes others end with their parent; only where the kernel can. */
  readonly launcher: string | undefined;
  readonly uid: number;
};

export type Started = {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
};

const PAGE = 65_536;

/** JavaScript itself needs little here; what a module holds is counted apart. */
const HEAP_MEGABYTES = 256;

/** How a program of this backend is started with Node. */
export function planProcess(host: Host, program: string, memory?: number): Started {
  const flags = [
    `--max-old-space-size=${HEAP_MEGABYTES}`,
    // A Node that ends while it compiles may wait for ever.
    '--no-concurrent-recompilation',
    '--disable-warning=ExperimentalWarning',
    ...(memory === undefined ? [] : [`--wasm-max-mem-pages=${Math.max(1, Math.floor(memory / PAGE))}`]),
  ];
  return { argv: watched(host, [host.node, ...flags, program]), env: host.env };
}

export function watched(host: Host, argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return host.launcher === undefined ? argv : [host.launcher, 'launch', '--die-with-parent', '--', ...argv];
}

export function watchOf({ launcher }: Host): Watched {
  return launcher === undefined ? 'line' : 'kernel';
}

/** The environment of one program; what is asked for last wins. */
export function environmentOf(
  request: LaunchRequest,
  exec: Pick<ExecRequest, 'env' | 'cwd'>,
): Record<string, string> {
  return {
    HOME,
    USER: 'dev',
    LANG: 'C.UTF-8',
    TMPDIR: '/tmp',
    WORKSPACE,
    HEYVM_SANDBOX: request.name,
    PWD: exec.cwd ?? WORKSPACE,
    ...request.env,
    ...exec.env,
  };
}

export type Asked = {
  readonly host: Host;
  readonly request: LaunchRequest;
  readonly mounts: readonly Mount[];
  readonly prepared: string;
};

export function runOrders(asked: Asked, exec: ExecRequest): RunOrders {
  return { kind: 'run', argv: [...exec.argv], ...surroundings(asked, exec) };
}

export function serveOrders(asked: Asked, socket: string): ServeOrders {
  return { kind: 'serve', socket, ...surroundings(asked, {}) };
}

function surroundings(
  { host, request, mounts, prepared }: Asked,
  exec: Pick<ExecRequest, 'env' | 'cwd'>,
): Surroundings {
  const { owner, network } = request;
  return {
    watch: watchOf(host),
    mounts: [...mounts],
    cwd: exec.cwd ?? WORKSPACE,
    env: Object.entries(environmentOf(request, exec)),
    network: network === 'open' ? 'open' : 'none',
    ...(host.uid === 0 && owner.uid !== 0 ? { owner } : {}),
    prepared,
  };
}

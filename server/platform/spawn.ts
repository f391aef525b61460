// Starting processes that live on: children with streams, and detached ones that outlive us.
import type { ChildProcess, StdioOptions } from 'node:child_process';

export type SpawnOptions = {
  readonly cwd?: string;
  /** Replaces the environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdio: StdioOptions;
  /** Leads a process group and session of its own. */
  readonly group?: 'own' | 'inherited';
};

/** No shell; the caller listens to `error`, which is how a program that does not exist shows. */
export function spawnChild(argv: readonly [string, ...string[]], options: SpawnOptions): ChildProcess {
  const [program, ...args] = argv;
  return load().spawn(program, args, {
    cwd: options.cwd ?? '/',
    env: { ...options.env },
    stdio: options.stdio,
    detached: options.group === 'own',
    windowsHide: true,
  });
}

/** Lives on when this process ends, and does not keep it alive. */
export function spawnDetached(argv: readonly [string, ...string[]], options: SpawnOptions): ChildProcess {
  const child = spawnChild(argv, { ...options, group: 'own' });
  child.unref();
  return child;
}

/** The output of a short program that only reads; undefined when it fails. */
export function outputOf(argv: readonly [string, ...string[]]): string | undefined {
  const [program, ...args] = argv;
  const result = load().spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 5_000,
    stdio: ['ignore', 'pipe', 'ignore'],
    windowsHide: true,
  });
  return result.status === 0 ? result.stdout : undefined;
}

/** Loaded with its first use: most commands start no process, and the module takes milliseconds. */
function load(): typeof import('node:child_process') {
  return process.getBuiltinModule('node:child_process');
}

// Runs a program of the host to its end: no shell, a small environment, bounded output, two stages of ending.
import { type Duplex, pipeline } from 'node:stream';
import { fail, SandboxError } from '../core/errors.ts';
import type { Run, RunOptions, RunResult } from '../core/ports.ts';
import { allowedEnvironment } from './environment.ts';

const OUTPUT_LIMIT = 64 * 1024 * 1024;
const GRACE_MS = 2_000;
const QUOTED_OUTPUT = 2_000;

export const run: Run = async (argv, options = {}) => {
  const { execa } = await import('execa');
  options.signal?.throwIfAborted();
  const [program, ...args] = argv;
  const child = execa(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? {} : { input: options.input }),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...inherited(options)],
    buffer: options.conversation === undefined ? true : { [`fd${conversationOf(options)}`]: false },
    env:
      options.env === undefined
        ? { ...allowedEnvironment(process.env), LC_ALL: 'C' }
        : { LC_ALL: 'C', ...options.env },
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: OUTPUT_LIMIT,
    encoding: options.encoding ?? 'utf8',
    detached: process.platform !== 'win32',
    cleanup: true,
  });
  const stop = watch(child.pid, options);
  endWithUs(child.pid, child);
  if (options.conversation !== undefined)
    converse(child.stdio[conversationOf(options)] as Duplex, options.conversation);
  const result = await child;
  stop.dispose();
  if (stop.reason !== undefined) throw interrupted(program, stop.reason, options);
  const { stdout, stderr } = result;
  return judge(argv, { ...result, stdout, stderr, code: result.exitCode }, options);
};

/** Any descriptor works, though execa's types know only some. */
function inherited({ files = [], conversation }: RunOptions): (3 | 'pipe')[] {
  return [...(files as 3[]), ...(conversation === undefined ? [] : (['pipe'] as const))];
}

function conversationOf({ files = [] }: RunOptions): number {
  return 3 + files.length;
}

/** Whichever side ends first, the program says whether it got what it needed. */
function converse(end: Duplex, { from, to }: NonNullable<RunOptions['conversation']>): void {
  pipeline(from, end, () => undefined);
  pipeline(end, to, () => undefined);
}

const groups = new Set<number>();

/** Whoever leaves early, such as a command that was told to end, leaves none of its programs behind. */
function endWithUs(pid: number | undefined, over: PromiseLike<unknown>): void {
  if (pid === undefined) return;
  if (groups.size === 0) process.once('exit', endGroups);
  groups.add(pid);
  void over.then(() => {
    groups.delete(pid);
    if (groups.size === 0) process.off('exit', endGroups);
  });
}

function endGroups(): void {
  for (const pid of groups) killGroup(pid, 'SIGTERM');
}

type Reason = 'aborted' | 'timeout';

function watch(
  pid: number | undefined,
  options: RunOptions,
): { reason: Reason | undefined; dispose(): void } {
  let force: NodeJS.Timeout | undefined;
  const state: { reason: Reason | undefined; dispose(): void } = { reason: undefined, dispose };
  const begin = (reason: Reason): void => {
    if (state.reason !== undefined || pid === undefined) return;
    state.reason = reason;
    killGroup(pid, 'SIGTERM');
    force = setTimeout(() => killGroup(pid, 'SIGKILL'), GRACE_MS);
  };
  const onAbort = (): void => begin('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const deadline =
    options.timeoutMs === undefined ? undefined : setTimeout(() => begin('timeout'), options.timeoutMs);
  function dispose(): void {
    clearTimeout(deadline);
    clearTimeout(force);
    options.signal?.removeEventListener('abort', onAbort);
    // The program has ended; what it started and left in its group goes too.
    if (state.reason !== undefined && pid !== undefined) killGroup(pid, 'SIGKILL');
  }
  return state;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // The group is empty already, which is what was wanted.
  }
}

function interrupted(program: string, reason: Reason, options: RunOptions): SandboxError {
  if (reason === 'aborted') return new SandboxError('cancelled', 'cancelled');
  return new SandboxError('timeout', `${program} did not end within ${options.timeoutMs} ms`);
}

type Ended = {
  readonly code?: number | undefined;
  readonly stdout?: string | undefined;
  readonly stderr?: string | undefined;
  readonly signal?: string | undefined;
  readonly isMaxBuffer?: boolean;
  readonly originalMessage?: string | undefined;
  readonly cause?: unknown;
};

function judge(argv: readonly string[], ended: Ended, options: RunOptions): RunResult {
  const program = argv[0] ?? '';
  const { code, stdout = '', stderr = '' } = ended;
  if (ended.isMaxBuffer === true) {
    fail('command-failed', `${program} wrote more than ${OUTPUT_LIMIT} bytes`);
  }
  if (code === undefined) {
    if (ended.signal !== undefined) fail('command-failed', `${program} was ended by ${ended.signal}`);
    const why = ended.originalMessage ?? 'it could not be started';
    fail('command-failed', `cannot run ${program}: ${why}`, {
      hint: `check that ${program} is installed and in the PATH`,
      cause: ended.cause,
    });
  }
  const accept = options.accept ?? [0];
  if (accept !== 'any' && !accept.includes(code)) {
    const told = (stderr.trim() === '' ? stdout : stderr).trim().slice(-QUOTED_OUTPUT);
    fail('command-failed', `${program} failed with status ${code}${told === '' ? '' : `: ${told}`}`, {
      data: { argv: [...argv], code },
    });
  }
  return { code, stdout, stderr };
}

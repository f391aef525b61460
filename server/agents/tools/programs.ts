// Tools that run programs inside and read what they said.
import type { GuestProcess } from '../../core/guest.ts';
import { type Collected, collect } from '../../programs/collect.ts';
import { startDeadline } from '../../programs/deadline.ts';
import { codeOf } from '../../programs/exitStatus.ts';
import type { ToolInput } from '../../protocol/agentTools.ts';
import type { ExecRequest } from '../../protocol/exec.ts';
import type { ToolHandlers } from '../tool.ts';

type Tools = Pick<ToolHandlers, 'exec' | 'read_output' | 'read_log' | 'list_ports'>;

/** What is kept of each output of one program. */
const MOST_BYTES = 4 * 1024 * 1024;
const DEFAULT_TIMEOUT_SECONDS = 120;
const DEFAULT_LOG_LINES = 100;
const DEFAULT_PART_BYTES = 16 * 1024;

export const programTools: Tools = {
  exec: async (input, { reach, outputs, signal, progress }) => {
    const begun = performance.now();
    const guest = await reach(input.sandbox, signal);
    const child = await guest.exec(requestOf(input));
    progress({ phase: 'running', detail: input.argv[0] });
    const deadline = startDeadline(child, (input.timeout_seconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000);
    const { stdout, stderr, status } = await endOf(child, input.stdin, signal).finally(deadline.clear);
    signal.throwIfAborted();
    const show = ({ bytes, total }: Collected) => outputs.show(bytes.toString(), total - bytes.length);
    return {
      exit_code: codeOf(status),
      ...(status.kind === 'signalled' ? { signal: status.signal } : {}),
      timed_out: deadline.passed,
      duration_ms: Math.round(performance.now() - begun),
      stdout: show(stdout),
      stderr: show(stderr),
    };
  },
  read_output: async ({ handle, offset = 0, bytes = DEFAULT_PART_BYTES }, { outputs }) =>
    outputs.read(handle, offset, bytes),
  read_log: async ({ sandbox, lines = DEFAULT_LOG_LINES }, { call, outputs, signal }) => {
    const { text } = await call('sandbox/log', { sandbox, lines }, { signal });
    return { log: outputs.show(text) };
  },
  list_ports: async ({ sandbox }, { call, signal }) => await call('sandbox/ports', { sandbox }, { signal }),
};

function requestOf({ argv, cwd, env }: ToolInput<'exec'>): ExecRequest {
  return {
    argv,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
  };
}

/** A call that is cancelled ends its program, with all that it started. */
async function endOf(child: GuestProcess, input: string | undefined, signal: AbortSignal) {
  const cancel = (): void => {
    // A program that has ended needs no signal.
    void child.signal('KILL').catch(() => {});
  };
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  // A program need not read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  try {
    const [stdout, stderr, status] = await Promise.all([
      collect(child.stdout, MOST_BYTES),
      collect(child.stderr, MOST_BYTES),
      child.exited,
    ]);
    return { stdout, stderr, status };
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

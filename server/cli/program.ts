// Runs one program in a guest as if it ran here: its streams, its signals, its time, and its status.
import { fail, toSandboxError } from '../core/errors.ts';
import type { GuestProcess } from '../core/guest.ts';
import { type Deadline, startDeadline } from '../programs/deadline.ts';
import { codeOf } from '../programs/exitStatus.ts';
import { errorCodes } from '../protocol/errors.ts';
import type { ExecRequest, ExitStatus } from '../protocol/exec.ts';
import { capture } from './capture.ts';
import type { Context } from './command.ts';
import type { OpenGuest } from './guest.ts';
import { type InputBound, stream } from './streaming.ts';
import { describeTerminal, hasTerminal, lendTerminal } from './terminal.ts';
import { variablesOf } from './variables.ts';

/** What shells answer when there is no such program. */
export const NO_PROGRAM = 127;

export type Program = {
  readonly guest: Pick<OpenGuest, 'exec'>;
  readonly request: ExecRequest;
  /** The program to run where the asked one does not exist. */
  readonly otherwise?: string | undefined;
  readonly timeoutMs: number | undefined;
  /** More input than this ends the program, and fails. */
  readonly mostInput?: number;
  /** Told how it ended before anything is made of that, and throws when that was not its own end. */
  readonly onEnd?: (status: ExitStatus) => Promise<void>;
};

/** What `--cwd`, `--env`, `--tty` and the words of the command line ask for. */
export function requestOf({ args, out, env }: Context): ExecRequest {
  const cwd = args.string('cwd');
  const tty = args.flag('tty');
  if (tty && out.format === 'json') fail('usage', '--tty and --format json exclude each other');
  if (tty && !hasTerminal()) {
    fail('usage', '--tty needs a terminal on stdin and stdout', { hint: 'leave --tty out in scripts' });
  }
  const variables = variablesOf(args.list('env'));
  return {
    argv: [...args.rest('program')],
    ...(cwd === undefined ? {} : { cwd }),
    ...(Object.keys(variables).length === 0 ? {} : { env: variables }),
    ...(tty ? { pty: describeTerminal(env) } : {}),
  };
}

/** Answers the exit code of the command. */
export async function runProgram(context: Context, program: Program): Promise<number> {
  const child = await launch(program, context);
  if (typeof child === 'number') return child;
  const deadline = startDeadline(child, program.timeoutMs);
  const input = boundInput(child, program.mostInput);
  const running: Running = {
    context,
    program,
    deadline,
    bound: input.bound,
    // How it ended means something only when nobody here ended it.
    onEnd: async status => {
      input.refuseMore();
      if (!deadline.passed) await program.onEnd?.(status);
    },
  };
  try {
    return context.out.format === 'json' ? await captured(child, running) : await streamed(child, running);
  } finally {
    deadline.clear();
  }
}

type Running = {
  readonly context: Context;
  readonly program: Program;
  readonly deadline: Deadline;
  readonly bound: InputBound | undefined;
  readonly onEnd: (status: ExitStatus) => Promise<void>;
};

async function captured(
  child: GuestProcess,
  { context: { out, interrupts }, deadline, bound, onEnd }: Running,
): Promise<number> {
  const { result, status } = await capture(child, interrupts, { deadline, bound });
  await onEnd(status);
  out.result(result, () => '');
  return deadline.passed ? errorCodes.timeout.exit : result.exit_code;
}

async function streamed(
  child: GuestProcess,
  { context: { out, interrupts }, program, deadline, bound, onEnd }: Running,
): Promise<number> {
  const { request, timeoutMs } = program;
  const terminal = request.pty === undefined ? undefined : lendTerminal(child);
  const status = await stream(child, interrupts, bound).finally(() => terminal?.restore());
  await onEnd(status);
  if (!deadline.passed) return codeOf(status);
  out.warn(`${request.argv[0]} was ended after ${timeoutMs} ms, as --timeout asked`);
  return errorCodes.timeout.exit;
}

/** More than the bound ends the program at once: a part of its input must not pass for the whole. */
function boundInput(
  child: GuestProcess,
  mostBytes: number | undefined,
): { readonly bound: InputBound | undefined; refuseMore(): void } {
  if (mostBytes === undefined) return { bound: undefined, refuseMore: () => {} };
  let exceeded = false;
  const onMore = (): void => {
    exceeded = true;
    void child.signal('KILL').catch(() => {
      // It has ended meanwhile.
    });
  };
  return {
    bound: { mostBytes, onMore },
    refuseMore: () => {
      if (exceeded) {
        fail('usage', `the input is longer than ${mostBytes / 2 ** 20} MiB, so the program was ended`, {
          hint: 'show it a folder with --workspace instead',
        });
      }
    },
  };
}

/** The running program, or the exit code when there is no such program. */
async function launch(program: Program, context: Context): Promise<GuestProcess | number> {
  const { guest, request, otherwise } = program;
  try {
    return await guest.exec(request);
  } catch (thrown) {
    const error = toSandboxError(thrown);
    if (error.code !== 'path-not-found') throw error;
    if (otherwise !== undefined) {
      const argv = [otherwise, ...request.argv.slice(1)];
      return launch({ ...program, request: { ...request, argv }, otherwise: undefined }, context);
    }
    const { out } = context;
    out.error(error);
    return NO_PROGRAM;
  }
}

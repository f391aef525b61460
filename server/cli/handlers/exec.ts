// heyvm exec: runs a program in a sandbox as if it ran here.
import { fail, toSandboxError } from '../../core/errors.ts';
import type { GuestProcess } from '../../core/guest.ts';
import { startDeadline } from '../../programs/deadline.ts';
import { codeOf } from '../../programs/exitStatus.ts';
import { errorCodes } from '../../protocol/errors.ts';
import type { ExecRequest } from '../../protocol/exec.ts';
import { capture } from '../capture.ts';
import type { Context } from '../command.ts';
import { type OpenGuest, openGuest } from '../guest.ts';
import { stream } from '../streaming.ts';
import { describeTerminal, hasTerminal, lendTerminal } from '../terminal.ts';
import { variablesOf } from '../variables.ts';

/** What shells answer when there is no such program. */
const NO_PROGRAM = 127;

export async function run(context: Context): Promise<number> {
  const { args, out, paths, interrupts } = context;
  const request = requestOf(context);
  const { guest } = await openGuest(paths, args.argument('sandbox'), interrupts.signal);
  const child = await launch(guest, request, context);
  if (typeof child === 'number') return child;
  const timeout = args.number('timeout');
  const deadline = startDeadline(child, timeout);
  try {
    if (out.format === 'json') return await capture(child, context, deadline);
    const terminal = request.pty === undefined ? undefined : lendTerminal(child);
    const status = await stream(child, interrupts).finally(() => terminal?.restore());
    if (!deadline.passed) return codeOf(status);
    out.warn(`${request.argv[0]} was ended after ${timeout} ms, as --timeout asked`);
    return errorCodes.timeout.exit;
  } finally {
    deadline.clear();
  }
}

function requestOf({ args, out, env }: Context): ExecRequest {
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

/** The running program, or the exit code when there is no such program. */
async function launch(
  guest: OpenGuest,
  request: ExecRequest,
  { out }: Context,
): Promise<GuestProcess | number> {
  try {
    return await guest.exec(request);
  } catch (thrown) {
    const error = toSandboxError(thrown);
    if (error.code !== 'path-not-found') throw error;
    out.error(error);
    return NO_PROGRAM;
  }
}

// One ssh session: collects what the client asks for, then runs a command, a shell or sftp in the guest.
import { constants } from 'node:os';
import type { ServerChannel, Session } from 'ssh2';
import { toSandboxError } from '../core/errors.ts';
import type { Guest, GuestProcess } from '../core/guest.ts';
import type { Shell } from '../core/shell.ts';
import { type ExecRequest, type ExitStatus, SignalName, type TerminalSize } from '../protocol/exec.ts';
import { parse } from '../protocol/parse.ts';
import { acceptsVariable } from './environment.ts';
import { join } from './forward.ts';
import { copyIn, copyOut, type Output, outputOf, type Transport } from './streams.ts';

export type SessionContext = {
  readonly guest: Pick<Guest, 'exec' | 'sftp'>;
  readonly shell: Shell;
  readonly transport: Transport;
  readonly log: (line: string) => void;
};

type Wishes = { env: Record<string, string>; pty?: { term: string; size: TerminalSize } };

/** The guest's login shell, as its own environment names it. */
const LOGIN_SHELL = '[ -n "$SHELL" ] || SHELL=/bin/sh; exec "$SHELL"';

/** What the shell says when a program is not there; ssh clients know it. */
const CANNOT_RUN = 127;

export function serveSession(session: Session, context: SessionContext): void {
  const wishes: Wishes = { env: {} };
  const running: Running = { gone: false };

  session.on('error', (error: Error) => context.log(`ssh session: ${error.message}`));
  session.on('env', (accept, reject, { key, val }) => {
    if (!acceptsVariable(key, val)) return reject?.();
    wishes.env[key] = val;
    accept?.();
  });
  session.on('pty', (accept, _reject, { term, cols, rows }) => {
    wishes.pty = { term: term === '' ? 'xterm' : term, size: sizeOf(cols, rows) };
    accept?.();
  });
  session.on('window-change', (accept, _reject, { cols, rows }) => {
    const size = sizeOf(cols, rows);
    if (wishes.pty !== undefined) wishes.pty.size = size;
    running.process
      ?.resize(size)
      .catch(() => context.log('ssh session: the guest did not take the new size'));
    accept?.();
  });
  session.on('signal', (accept, reject, { name }) => {
    const signal = parse(SignalName, name);
    if (!signal.ok) return reject?.();
    running.process
      ?.signal(signal.value)
      .catch(() => context.log(`ssh session: signal ${name} was not delivered`));
    accept?.();
  });

  const start = (channel: ServerChannel | undefined, argv: string[]) => {
    if (channel === undefined) return;
    channel.on('error', (error: Error) => context.log(`ssh channel: ${error.message}`));
    const output = outputOf(channel, context.transport);
    const act = () => {
      running.gone = true;
      output.end();
      running.process?.hangUp();
    };
    onGone(session, channel, { act, transport: context.transport });
    void runProgram({ channel, context, running, output, request: () => requestOf(argv, wishes) });
  };
  session.on('exec', (accept, _reject, { command }) => {
    const lines = context.shell === 'lines';
    const argv = ['/bin/sh', '-c', `${LOGIN_SHELL} -c "$1"`, 'sh', command];
    start(accept(), lines ? ['sh', '-c', command] : argv);
  });
  session.on('shell', accept => {
    start(accept(), context.shell === 'lines' ? ['sh'] : ['/bin/sh', '-c', `${LOGIN_SHELL} -l`]);
  });
  session.on('subsystem', (accept, reject, { name }) => {
    if (name !== 'sftp') return reject?.();
    void serveSftp(accept(), context);
  });
}

/** OpenSSH sends zeros when it has no terminal of its own. */
function sizeOf(columns: number, rows: number): TerminalSize {
  const within = (value: number, fallback: number) => (value >= 1 && value <= 10_000 ? value : fallback);
  return { columns: within(columns, 80), rows: within(rows, 24) };
}

function requestOf(argv: string[], { env, pty }: Wishes): ExecRequest {
  // As OpenSSH's server does it: an editor's server, left in the background, waits there for the editor to come back.
  return { argv, env, ...(pty === undefined ? { hang_up: 'alone' } : { pty }) };
}

/** A channel's own `close` waits until all its input was read, which may be never; a session's does not. */
function onGone(
  session: Session,
  channel: ServerChannel,
  { act, transport }: { act: () => void; transport: Transport },
) {
  const forget = transport.onClose(act);
  const over = () => {
    forget();
    act();
  };
  session.once('close', over);
  channel.once('close', over);
}

type Running = { process?: GuestProcess; gone: boolean };

type Run = {
  readonly channel: ServerChannel;
  readonly context: SessionContext;
  readonly running: Running;
  readonly output: Output;
  readonly request: () => ExecRequest;
};

async function runProgram({ channel, context, running, output, request }: Run): Promise<void> {
  try {
    const asked = request();
    const process = await context.guest.exec(asked);
    if (running.gone) return process.hangUp();
    running.process = process;
    const now = request().pty;
    if (now !== undefined && now.size !== asked.pty?.size) await process.resize(now.size);
    copyIn(channel, process.stdin);
    if (asked.pty !== undefined) process.stderr.resume();
    const outputs = [copyOut(process.stdout, output, 'data')];
    if (asked.pty === undefined) outputs.push(copyOut(process.stderr, output, 'stderr'));
    await Promise.all(outputs);
    finish(channel, await process.exited);
  } catch (thrown) {
    const error = toSandboxError(thrown);
    context.log(`ssh exec: ${error.code}: ${error.message}`);
    channel.resume();
    await output.write('stderr', Buffer.from(`heyvm: ${error.message}\r\n`));
    finish(channel, { kind: 'exited', code: CANNOT_RUN });
  }
}

function finish(channel: ServerChannel, status: ExitStatus): void {
  if (status.kind === 'exited') channel.exit(status.code);
  else sendSignal(channel, status.signal);
  channel.end();
}

/** The protocol knows only some signals by name; for the others the shell's 128 + n says the same. */
function sendSignal(channel: ServerChannel, name: string): void {
  try {
    channel.exit(name, false, '');
  } catch {
    // ssh2 throws for a name that the protocol does not have.
    const numbers: Readonly<Record<string, number>> = constants.signals;
    channel.exit(128 + (numbers[`SIG${name.replace(/^SIG/, '')}`] ?? 127));
  }
}

async function serveSftp(channel: ServerChannel | undefined, context: SessionContext): Promise<void> {
  if (channel === undefined) return;
  try {
    await join(channel, await context.guest.sftp(), context);
    // Without a status scp takes the whole transfer for failed.
    finish(channel, { kind: 'exited', code: 0 });
  } catch (thrown) {
    context.log(`ssh sftp: ${toSandboxError(thrown).message}`);
    finish(channel, { kind: 'exited', code: CANNOT_RUN });
  }
}

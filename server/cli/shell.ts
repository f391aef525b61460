// Opens a shell in a guest: with a terminal a login shell, without one a shell that reads its commands from stdin.
import type { Shell } from '../core/shell.ts';
import { codeOf } from '../programs/exitStatus.ts';
import type { ExecRequest } from '../protocol/exec.ts';
import type { OpenGuest } from './guest.ts';
import type { Interrupts } from './interrupts.ts';
import { stream } from './streaming.ts';
import { describeTerminal, hasTerminal, lendTerminal } from './terminal.ts';

export type ShellOptions = {
  readonly env: NodeJS.ProcessEnv;
  readonly shell: Shell;
  readonly interrupts: Interrupts;
  readonly cwd?: string | undefined;
  readonly variables?: Readonly<Record<string, string>>;
};

/** The best shell of the guest's own; a guest without bash has sh. */
const LOGIN = 'command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -l';
const READER = 'command -v bash >/dev/null 2>&1 && exec bash; exec sh';

/** Answers the status of the shell. */
export async function openShell(guest: OpenGuest, options: ShellOptions): Promise<number> {
  const { env, interrupts, cwd, shell } = options;
  const pty = hasTerminal() ? describeTerminal(env) : undefined;
  const variables = { ...languageOf(env, pty !== undefined), ...options.variables };
  const request: ExecRequest = {
    argv: shell === 'lines' ? ['sh'] : ['sh', '-c', pty === undefined ? READER : LOGIN],
    env: variables,
    ...(cwd === undefined ? {} : { cwd }),
    ...(pty === undefined ? {} : { pty }),
  };
  const child = await guest.exec(request);
  const terminal = pty === undefined ? undefined : lendTerminal(child);
  return codeOf(await stream(child, interrupts).finally(() => terminal?.restore()));
}

/** What a terminal's own capabilities need; nothing else of this machine's environment goes inside. */
function languageOf(env: NodeJS.ProcessEnv, terminal: boolean): Record<string, string> {
  const wanted = Object.entries(env).filter(
    ([name]) => name === 'LANG' || name.startsWith('LC_') || (terminal && name === 'COLORTERM'),
  );
  return Object.fromEntries(wanted.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

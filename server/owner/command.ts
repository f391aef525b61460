// The command of a project: run by the owner, so that it needs no client, with its output in the log of the sandbox.
import type { Readable } from 'node:stream';
import { toSandboxError } from '../core/errors.ts';
import type { Guest, GuestProcess } from '../core/guest.ts';
import type { Result } from '../protocol/contract.ts';
import type { OwnerContract } from '../protocol/owner.ts';
import type { Paths } from '../store/paths.ts';
import { readEntry } from '../store/sandboxes.ts';
import type { Log } from './log.ts';

type State = Result<OwnerContract, 'owner/command'>;

export type ProjectCommand = {
  /** One that runs is left as it is; one that ended is started again. */
  start(): Promise<State>;
  /** Whoever looks finds out in the log. */
  startLater(): void;
  current(): State;
};

export type CommandOptions = {
  readonly paths: Paths;
  readonly id: string;
  readonly guest: Pick<Guest, 'exec'>;
  readonly log: Log;
};

/** A line without an end must not fill the memory. */
const LONGEST_LINE = 16 * 1024;

export function createCommand({ paths, id, guest, log }: CommandOptions): ProjectCommand {
  let state: State = { state: 'none' };
  let starting: Promise<State> | undefined;
  const launch = async (): Promise<State> => {
    // As it is now: the file may have changed since this owner began.
    const argv = (await readEntry(paths, id))?.record.project?.command;
    if (argv === undefined || state.state === 'running') return state;
    const child = await guest.exec({ argv });
    child.stdin.on('error', () => {
      // It need not read its input.
    });
    child.stdin.end();
    log(`command starts: ${argv[0]}`);
    state = { state: 'running' };
    void follow(child, log).then(ended => {
      state = ended;
    });
    return state;
  };
  const start = (): Promise<State> => {
    starting ??= launch().finally(() => {
      starting = undefined;
    });
    return starting;
  };
  return {
    start,
    startLater: () => {
      start().catch((error: unknown) => log(`command: ${toSandboxError(error).message}`));
    },
    current: () => state,
  };
}

async function follow(child: GuestProcess, log: Log): Promise<State> {
  for (const output of [child.stdout, child.stderr]) logLines(output, log);
  const status = await child.exited;
  const how = status.kind === 'exited' ? `status ${status.code}` : `signal ${status.signal}`;
  log(`command ended: ${how}`);
  return { state: 'ended', ...(status.kind === 'exited' ? { exit_code: status.code } : {}) };
}

function logLines(output: Readable, log: Log): void {
  let rest = '';
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) log(`| ${line}`);
    if (rest.length < LONGEST_LINE) return;
    log(`| ${rest}`);
    rest = '';
  });
  output.on('end', () => {
    if (rest !== '') log(`| ${rest}`);
  });
}

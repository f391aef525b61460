// Who a process is, so that a reused pid is never taken for the one that was meant.
import { readFileSync } from 'node:fs';
import { outputOf } from './spawn.ts';

export type ProcessIdentity = {
  readonly pid: number;
  /** When it started, in whatever unit the system counts; equal for one process, different for its successor. */
  readonly start_ticks: string;
  /** Changes with every boot; `unknown` where the system does not tell. */
  readonly boot_id: string;
};

/** Undefined when no such process is alive; a zombie is not. */
export function identify(pid: number): ProcessIdentity | undefined {
  const start = process.platform === 'linux' ? linuxStart(pid) : foreignStart(pid);
  return start === undefined ? undefined : { pid, start_ticks: start, boot_id: bootId() };
}

export function isSame(identity: ProcessIdentity): boolean {
  if (identity.boot_id !== bootId()) return false;
  const found = identify(identity.pid);
  return found !== undefined && found.start_ticks === identity.start_ticks;
}

/** Only ever to a process that was verified just before. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isSame(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    // It ended between the look and the signal, or it is not ours; either way it was not reached.
    return false;
  }
}

let ownIdentity: ProcessIdentity | undefined;

export function identifySelf(): ProcessIdentity {
  ownIdentity ??= identify(process.pid) ?? { pid: process.pid, start_ticks: 'unknown', boot_id: bootId() };
  return ownIdentity;
}

let knownBootId: string | undefined;

function bootId(): string {
  if (process.platform !== 'linux') return 'unknown';
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return knownBootId;
}

function linuxStart(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // No such file is how Linux says that there is no such process.
    return undefined;
  }
  // The program's name stands in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  if (state === 'Z' || state === 'X') return undefined;
  return fields[19];
}

function foreignStart(pid: number): string | undefined {
  const output =
    process.platform === 'win32'
      ? outputOf(['powershell', '-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.Ticks`])
      : outputOf(['ps', '-o', 'lstart=,stat=', '-p', String(pid)]);
  if (output === undefined) return undefined;
  const line = output.trim();
  if (line === '') return undefined;
  if (process.platform === 'win32') return line;
  const words = line.split(/\s+/);
  const state = words.pop() ?? '';
  return state.startsWith('Z') ? undefined : words.join(' ');
}

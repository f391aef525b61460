// Turns how a program of a guest ended into an exit code of ours, as shells do.
import { constants } from 'node:os';
import type { ExitStatus } from '../protocol/exec.ts';

export function codeOf(status: ExitStatus): number {
  if (status.kind === 'exited') return status.code;
  const numbers: Readonly<Record<string, number | undefined>> = constants.signals;
  return 128 + (numbers[`SIG${status.signal}`] ?? linuxSignals[status.signal] ?? 0);
}

/** Guests run Linux; these have no name on every other system. */
const linuxSignals: Readonly<Record<string, number>> = {
  HUP: 1,
  QUIT: 3,
  ABRT: 6,
  BUS: 7,
  USR1: 10,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  WINCH: 28,
  SYS: 31,
};

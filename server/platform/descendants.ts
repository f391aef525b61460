// Everything that a process of this machine has started and that still runs, as Linux tells it.
import { readdirSync, readFileSync } from 'node:fs';
import { isAbsence } from './files.ts';

/** The process itself comes first; empty where nothing tells. */
export function processTree(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(processTree)];
}

/** A file of /proc about a process; empty when the process has ended. */
export function aboutProcess(pid: number, file: 'stat' | 'status'): string {
  return read(`/proc/${pid}/${file}`);
}

function childrenOf(pid: number): readonly number[] {
  return threadsOf(pid).flatMap(thread =>
    read(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter(word => word !== '')
      .map(Number),
  );
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (hasEnded(error)) return [];
    throw error;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (hasEnded(error)) return '';
    throw error;
  }
}

function hasEnded(error: unknown): boolean {
  return isAbsence(error) || (error instanceof Error && 'code' in error && error.code === 'ESRCH');
}

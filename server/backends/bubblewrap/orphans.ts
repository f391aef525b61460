// Finds guests that lost bubblewrap in the moment in which it made them, and ends them.
import { readdirSync, readFileSync } from 'node:fs';
import type { Residue } from '../../core/backend.ts';
import { identify } from '../../platform/process.ts';
import { GUEST_PROGRAM } from './plan.ts';
import { killAndWait } from './running.ts';

/** What was found and ended. */
export async function endOrphans(): Promise<readonly Residue[]> {
  const ended: Residue[] = [];
  const own = namespacesOf(process.pid);
  for (const pid of readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)) {
    const process = isOrphan(pid, own) ? identify(pid) : undefined;
    if (process !== undefined && (await killAndWait(process))) {
      ended.push({ what: 'a guest without an owner', path: `/proc/${pid}` });
    }
  }
  return ended;
}

/** The first process of a pid namespace below ours, made by bubblewrap for heyvm, whose parent is not bubblewrap. */
function isOrphan(pid: number, own: number): boolean {
  if (!isOurs(pid) || namespacesOf(pid) <= own) return false;
  const numbers = field(pid, 'NSpid').split(/\s+/);
  return numbers.at(-1) === '1' && !isOurs(Number(field(pid, 'PPid')));
}

function isOurs(pid: number): boolean {
  const words = read(pid, 'cmdline').split('\0');
  return (words[0] ?? '').endsWith('/bwrap') && words.includes(GUEST_PROGRAM);
}

function namespacesOf(pid: number): number {
  return field(pid, 'NSpid').split(/\s+/).length;
}

function field(pid: number, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(read(pid, 'status'))?.[1]?.trim() ?? '';
}

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    // It ended while the list was read, or belongs to somebody else.
    return '';
  }
}

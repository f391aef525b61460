// What running sandboxes use. It is counted inside, in the same way for every guest with a shell; guests that are processes
// of this machine are counted here.
import { findBackend } from '../backends/registry.ts';
import { SandboxError } from '../core/errors.ts';
import { aboutProcess, processTree } from '../platform/descendants.ts';
import type { Usage } from '../protocol/sandbox.ts';
import type { Entry } from '../store/sandboxes.ts';
import { insideOf } from '../worktrees/inside.ts';
import type { CallContext, ServiceDeps } from './deps.ts';

const AT_ONCE = 4;
/** A guest that does not answer within this time is left out of the picture. */
const PATIENCE_MS = 5_000;
/** The kernel counts processor time in hundredths of a second, on every architecture. */
const TICK_MS = 10;

/** Programs that end between the list and their turn are no failure. */
const looking = 'cat /proc/[0-9]*/stat; grep -h ^VmRSS: /proc/[0-9]*/status; :';

export async function usagesOf(
  deps: ServiceDeps,
  sandboxes: readonly string[],
  context: CallContext,
): Promise<Usage[]> {
  const known = new Map(
    (await deps.sandboxes.list()).entries.map(entry => [entry.record.id as string, entry]),
  );
  const left = [...sandboxes];
  const usages: Usage[] = [];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      context.signal.throwIfAborted();
      usages.push({ sandbox: next, ...(await usageOf(known.get(next), context)) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return usages;
}

type Counted = Omit<Usage, 'sandbox'>;

/** What cannot be told is left out: guests without a shell, and those that are about to end. */
async function usageOf(entry: Entry | undefined, { signal }: CallContext): Promise<Counted> {
  if (entry?.owner?.state !== 'running') return {};
  const { runners } = findBackend(entry.record.backend_type).manifest;
  if (runners !== undefined) return usageBelow(entry.owner.pid);
  const { connectOwner } = await import('../owner/connect.ts');
  const inside = insideOf(
    connectOwner(entry).guest,
    AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
  );
  try {
    return countUsage((await inside(['sh', '-c', looking], { accept: 'any' })).stdout);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SandboxError) return {};
    throw error;
  }
}

/** Of what an owner has started: its own part is not the guest's, except for what it has waited for. */
export function usageBelow(owner: number): Counted {
  const [, ...below] = processTree(owner);
  const ended = aboutProcess(owner, 'stat').replace(/^(\d+ \(.*\) (?:\S+ ){11})\S+ \S+ /s, '$10 0 ');
  if (ended === '') return {};
  const texts = below.flatMap(pid => [aboutProcess(pid, 'stat'), aboutProcess(pid, 'status')]);
  return { memory_bytes: 0, ...countUsage([ended, ...texts].join('\n')) };
}

/** Pure: lines of /proc/<pid>/stat and of VmRSS; whatever else a guest says counts for nothing. */
export function countUsage(text: string): Counted {
  let ticks: number | undefined;
  let kilobytes: number | undefined;
  for (const line of text.split('\n')) {
    const memory = /^VmRSS:\s+(\d{1,12}) kB$/.exec(line)?.[1];
    if (memory !== undefined) kilobytes = (kilobytes ?? 0) + Number(memory);
    const time = timeIn(line);
    if (time !== undefined) ticks = (ticks ?? 0) + time;
  }
  return {
    ...(ticks === undefined ? {} : { cpu_ms: ticks * TICK_MS }),
    ...(kilobytes === undefined ? {} : { memory_bytes: kilobytes * 1024 }),
  };
}

/** The name of a program stands in parentheses and may hold anything; the fields after it are numbers. */
function timeIn(line: string): number | undefined {
  const end = line.lastIndexOf(') ');
  if (end < 0 || !/^\d+ \(/.test(line)) return undefined;
  // Own time and that of children which have ended, each in user mode and in the kernel.
  const times = line
    .slice(end + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number);
  return times.length === 4 && times.every(time => Number.isSafeInteger(time) && time >= 0)
    ? times.reduce((sum, time) => sum + time, 0)
    : undefined;
}

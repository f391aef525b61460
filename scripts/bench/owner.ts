// The owner: how fast it answers over a connection that is held, and what it costs when nothing happens.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { connectOwner } from '../../server/owner/connect.ts';
import { type Figure, median } from './measure.ts';
import type { Stage } from './stage.ts';

export async function heldFigure(stage: Stage): Promise<Figure> {
  const owner = connectOwner(await stage.entry());
  const held = await owner.hold();
  const times: number[] = [];
  for (let index = 0; index < 220; index += 1) {
    const begun = performance.now();
    const child = await owner.guest.exec({ argv: ['/bin/true'] });
    child.stdin.end();
    child.stdout.resume();
    child.stderr.resume();
    await child.exited;
    if (index >= 20) times.push(performance.now() - begun);
  }
  held.dispose();
  owner.close();
  const p99 = [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
  return {
    name: 'exec over a held connection, p50',
    value: median(times),
    unit: 'ms',
    beside: `p99: ${p99.toFixed(1)} ms`,
    goal: '< 5',
  };
}

const SETTLING_MS = 5_000;
const IDLE_MS = 30_000;

/** Nothing else talks to the owner meanwhile. */
export async function idleFigures(stage: Stage): Promise<Figure[]> {
  const { pid } = stage.running;
  // Once after its start an owner gives back what that took.
  await delay(SETTLING_MS);
  const before = switches(pid);
  await delay(IDLE_MS);
  const woken = ((switches(pid) - before) * 10_000) / IDLE_MS;
  return [
    {
      name: 'idle owner, private memory',
      value: privateMegabytes(pid),
      unit: 'MB',
      beside: `pid ${pid}`,
      goal: '<= 25',
    },
    {
      name: 'idle owner, wake-ups',
      value: woken,
      unit: 'per 10 s',
      beside: `over ${IDLE_MS / 1_000} s`,
      goal: '<= 1',
    },
  ];
}

function privateMegabytes(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].map(([, size]) => Number(size));
  return kilobytes.reduce((sum, size) => sum + size, 0) / 1024;
}

/** How often any thread went to sleep on its own account, which is how often it had been woken. */
function switches(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map(task => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'))
    .map(status => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0))
    .reduce((sum, count) => sum + count, 0);
}

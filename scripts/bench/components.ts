// Components of WebAssembly through heyvm beside a Node that is told by hand to run the same component.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findBackend } from '../../server/backends/registry.ts';
import type { Driver, DriverContext, LaunchRequest } from '../../server/core/backend.ts';
import { bundle, guestProgram, runnerProgram } from '../../server/platform/bundle.ts';
import { run } from '../../server/platform/run.ts';
import { SandboxId } from '../../server/protocol/sandbox.ts';
import { Stop } from '../lib/say.ts';
import { ensureBox } from '../lib/wasmBox.ts';
import { type Figure, race } from './measure.ts';

const ROUNDS = 15;
const MANY = 100;

export async function componentFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hvm-'));
  try {
    const workspace = join(folder, 'workspace');
    mkdirSync(workspace);
    copyFileSync(await ensureBox(), join(workspace, 'box.wasm'));
    const driver = await findBackend('wasip2').load();
    let number = 0;
    const life = (): Promise<number> => {
      number += 1;
      return lifeOf(driver, folder, number);
    };
    await life();
    const [prepared = ''] = globSync(join(folder, 'cache', '*', '*'));
    const { ours, theirs } = await race({ ours: life, theirs: () => byHand(prepared, workspace) }, ROUNDS);
    const begun = performance.now();
    for (let each = 0; each < MANY; each += 1) await life();
    const all = (performance.now() - begun) / 1_000;
    return [
      {
        name: 'wasip2: start, a program, stop',
        value: ours / theirs,
        unit: 'x',
        beside: `node, same component by hand: ${theirs.toFixed(0)} ms`,
        goal: '<= 1.3',
      },
      {
        name: 'wasip2: start of a component above its runtime',
        value: Math.max(0, ours - theirs),
        unit: 'ms',
        beside: `both: ${ours.toFixed(0)} and ${theirs.toFixed(0)} ms`,
        goal: '<= 300',
      },
      {
        name: `wasip2: ${MANY} sandboxes, one after another`,
        value: all,
        unit: 's',
        beside: '',
        goal: '< 60',
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A sandbox from nothing to nothing, as its owner does it. */
async function lifeOf(driver: Driver, folder: string, number: number): Promise<number> {
  const begun = performance.now();
  const id = SandboxId.parse(`sb-${number.toString(16).padStart(8, '0')}`);
  const context = contextFor(folder, id);
  const request = requestFor(folder, id);
  const ref = await driver.create(context, request);
  const guest = await driver.open(context, ref, request);
  const child = await guest.exec({ argv: ['./box.wasm', 'echo', 'hello'] });
  child.stdin.end();
  if ((await text(child.stdout)) !== 'hello\n') throw new Stop('the program did not say hello');
  await child.exited;
  await guest.stop({ graceMs: 1_000 });
  await driver.destroy(context, ref);
  return performance.now() - begun;
}

function contextFor(folder: string, id: string): DriverContext {
  return {
    signal: new AbortController().signal,
    log: () => {},
    progress: () => {},
    run,
    state: join(folder, 'sandboxes', id),
    runtime: join(folder, 'run'),
    agent: guestProgram(bundle.folder),
    cache: join(folder, 'cache'),
    storeId: 'bench',
    options: {},
    publicKey: async () => '',
  };
}

function requestFor(folder: string, id: SandboxId): LaunchRequest {
  const workspace = join(folder, 'workspace');
  return {
    ...{ id, name: id, type: 'general', runtime: 'wasm', workspace, env: {}, network: 'none', limits: {} },
    mounts: [{ source: workspace, target: '/workspace', mode: 'rw' }],
    owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    options: {},
    cold: false,
  };
}

async function byHand(prepared: string, workspace: string): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, [runnerProgram(bundle.folder, 'wasip2', 'cjs')], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env: {},
  });
  const orders = {
    ...{
      kind: 'run',
      watch: 'kernel',
      argv: ['box', 'echo', 'hello'],
      cwd: '/workspace',
      env: [],
      network: 'none',
    },
    mounts: [{ source: workspace, target: '/workspace', mode: 'rw' }],
    prepared,
  };
  const line = child.stdio[3];
  if (line !== null && line !== undefined && 'write' in line) line.write(`${JSON.stringify(orders)}\n`);
  const ended = once(child, 'exit');
  if (child.stdout === null || (await text(child.stdout)) !== 'hello\n')
    throw new Stop('the program did not say hello');
  await ended;
  return performance.now() - begun;
}

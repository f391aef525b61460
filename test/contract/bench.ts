// What the contract suite needs to work on one backend: folders, requests, and a guest that is always cleaned up.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Backend, Driver, DriverContext, LaunchRequest, Ref } from '../../server/core/backend.ts';
import type { Guest } from '../../server/core/guest.ts';
import { bundle, guestProgram } from '../../server/platform/bundle.ts';
import { run } from '../../server/platform/run.ts';
import type { ExecRequest, ExitStatus } from '../../server/protocol/exec.ts';
import { SandboxId } from '../../server/protocol/sandbox.ts';

export type Bench = {
  readonly backend: Backend;
  readonly folder: string;
  readonly workspace: string;
  readonly context: DriverContext;
  readonly driver: Driver;
  readonly log: string[];
  request(change?: Partial<LaunchRequest>): LaunchRequest;
  /** Creates and opens; remembered for `dispose`. */
  start(change?: Partial<LaunchRequest>): Promise<{ guest: Guest; ref: Ref; request: LaunchRequest }>;
  dispose(): Promise<void>;
};

let benches = 0;

/** Two benches of one process never share an id, so that they can be open at once. */
export async function makeBench(backend: Backend, signal = new AbortController().signal): Promise<Bench> {
  // Short, because socket paths are limited.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hvc-')));
  benches += 1;
  const number = ((process.pid % 0xffff) * 0x10000 + benches) >>> 0;
  const id = SandboxId.parse(`sb-${number.toString(16).padStart(8, '0')}`);
  const workspace = join(folder, 'workspace');
  await mkdir(workspace);
  const log: string[] = [];
  const driver = await backend.load();
  const guests: Guest[] = [];
  const context: DriverContext = {
    signal,
    log: line => log.push(line),
    progress: () => {},
    run,
    state: join(folder, 'state'),
    runtime: join(folder, 'run'),
    agent: guestProgram(bundle.folder),
  };
  const request: Bench['request'] = change => ({
    id,
    name: `contract-${benches}`,
    type: 'general',
    runtime: 'shell',
    workspace,
    mounts: [{ source: workspace, target: '/workspace', mode: 'rw' }],
    env: {},
    network: 'none',
    limits: {},
    options: {},
    ...change,
  });
  return {
    ...{ backend, folder, workspace, context, driver, log, request },
    async start(change) {
      const asked = request(change);
      const ref = await driver.create(context, asked);
      const guest = await driver.open(context, ref, asked);
      guests.push(guest);
      return { guest, ref, request: asked };
    },
    async dispose() {
      for (const guest of guests) await guest.stop({ graceMs: 0 });
      await driver.destroy({ ...context, signal: new AbortController().signal }, { version: 1 });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Outcome = { readonly status: ExitStatus; readonly stdout: string; readonly stderr: string };

/** Runs to the end; `argv` in a shell when it is one text. */
export async function runIn(
  guest: Guest,
  what: string | readonly string[],
  rest: Omit<ExecRequest, 'argv'> & { readonly input?: string } = {},
): Promise<Outcome> {
  const { input, ...request } = rest;
  const argv = typeof what === 'string' ? ['/bin/sh', '-c', what] : [...what];
  const child = await guest.exec({ ...request, argv });
  child.stdin.on('error', () => {
    // It ended without reading everything, which is its right.
  });
  child.stdin.end(input ?? '');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await child.exited, stdout, stderr };
}

export const succeeded: ExitStatus = { kind: 'exited', code: 0 };

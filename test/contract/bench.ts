// What the contract suite needs to work on one backend: folders, requests, and a guest that is always cleaned up.
import { strict as assert } from 'node:assert';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type {
  Backend,
  Driver,
  DriverContext,
  LaunchRequest,
  MachineContext,
  Ref,
} from '../../server/core/backend.ts';
import type { Guest } from '../../server/core/guest.ts';
import { runtimeOf } from '../../server/core/presets.ts';
import { bundle, guestProgram } from '../../server/platform/bundle.ts';
import { run } from '../../server/platform/run.ts';
import type { ExecRequest, ExitStatus } from '../../server/protocol/exec.ts';
import { parse } from '../../server/protocol/parse.ts';
import { SandboxId } from '../../server/protocol/sandbox.ts';
import { groundOf } from '../support/grounds.ts';

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
const folders = new Set<string>();

/** Two benches of one process never share an id, so that they can be open at once. */
export async function makeBench(backend: Backend, signal = new AbortController().signal): Promise<Bench> {
  // Short, because socket paths are limited.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hvc-')));
  folders.add(folder);
  benches += 1;
  const number = ((process.pid % 0xffff) * 0x10000 + benches) >>> 0;
  const id = SandboxId.parse(`sb-${number.toString(16).padStart(8, '0')}`);
  const workspace = join(folder, 'workspace');
  await mkdir(workspace);
  const log: string[] = [];
  const guests: Guest[] = [];
  let known: Ref = { version: 1 };
  const ground = await groundOf(backend);
  const { cache = join(folder, 'cache'), image, box } = ground.kind === 'ready' ? ground : {};
  const driver = throughBox(await backend.load(), box);
  const context: DriverContext = {
    ...(await machineOf(backend, signal)),
    log: line => log.push(line),
    progress: () => {},
    state: join(folder, 'state'),
    runtime: join(folder, 'run'),
    cache,
  };
  const request: Bench['request'] = change => ({
    id,
    name: `contract-${benches}`,
    type: 'general',
    runtime: runtimeOf(backend.manifest.capabilities),
    workspace,
    mounts: [{ source: workspace, target: '/workspace', mode: 'rw' }],
    env: {},
    network: 'none',
    limits: {},
    owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    options: context.options,
    cold: false,
    ...(image === undefined ? {} : { image }),
    ...change,
  });
  return {
    ...{ backend, folder, workspace, context, driver, log, request },
    async start(change) {
      const asked = request(change);
      const ref = await driver.create(context, asked);
      known = ref;
      const guest = await driver.open(context, ref, asked);
      guests.push(guest);
      return { guest, ref, request: asked };
    },
    async dispose() {
      for (const guest of guests) await guest.stop({ graceMs: 0 });
      await driver.destroy({ ...context, signal: new AbortController().signal }, known);
      rmSync(folder, { recursive: true, force: true });
      folders.delete(folder);
    },
  };
}

/** The programs of the tests that a guest without a system of its own finds in one program, by their names. */
const boxed = /^(\/bin\/)?(sh|echo|cat|true|false|pwd|printenv|sleep|stty|head|test)$/;

function throughBox(driver: Driver, box: string | undefined): Driver {
  if (box === undefined) return driver;
  return { ...driver, open: async (...asked) => boxedGuest(await driver.open(...asked), box) };
}

function boxedGuest(guest: Guest, box: string): Guest {
  const exec: Guest['exec'] = request => {
    const [program = '', ...rest] = request.argv;
    return guest.exec(boxed.test(program) ? { ...request, argv: [box, program, ...rest] } : request);
  };
  const { ended, workspace } = guest;
  return {
    exec,
    ended,
    ...(workspace === undefined ? {} : { workspace }),
    dial: target => guest.dial(target),
    sftp: () => guest.sftp(),
    listeningPorts: () => guest.listeningPorts(),
    stop: options => guest.stop(options),
  };
}

/** For what concerns no single sandbox of a backend, with the options by which the tests' own daemons are found. */
export async function machineOf(backend: Backend, signal?: AbortSignal): Promise<MachineContext> {
  const ground = await groundOf(backend);
  const settings = ground.kind === 'ready' ? ground.settings : {};
  const parsed = parse(backend.manifest.options(), settings);
  assert.ok(parsed.ok, `options of ${backend.manifest.id}`);
  return { ...machineContext(signal), options: parsed.value };
}

/** Gone with this process, as the folders of benches whose test ended before them. */
const sharedCache = join(tmpdir(), `hvc-cache-${process.pid}`);
process.on('exit', () => {
  for (const folder of [sharedCache, ...folders]) rmSync(folder, { recursive: true, force: true });
});

/** For what concerns no single sandbox; with the options that a backend has without settings. */
export function machineContext(signal = new AbortController().signal): MachineContext {
  return {
    signal,
    log: () => {},
    run,
    agent: guestProgram(bundle.folder),
    cache: sharedCache,
    storeId: `test${process.pid}`,
    options: {},
    publicKey: async () => 'ssh-ed25519 AAAA',
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

// An engine of a test's own: a store in a temporary folder, real owners, and a look at everything that it left.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connectOwner } from '../../../server/owner/connect.ts';
import { type Bundle, bundle, ownerProgram } from '../../../server/platform/bundle.ts';
import type { ExitStatus } from '../../../server/protocol/exec.ts';
import type { SandboxInfo, SandboxSpec } from '../../../server/protocol/sandbox.ts';
import { createService, type Service } from '../../../server/service/service.ts';
import { type Paths, pathsOf } from '../../../server/store/paths.ts';
import { findEntry } from '../../../server/store/sandboxes.ts';
import { eventually } from '../../support/eventually.ts';

export type Engine = {
  readonly home: string;
  readonly paths: Paths;
  readonly call: Service['call'];
  create(spec?: SandboxSpec): Promise<SandboxInfo>;
  exec(sandbox: string, ...argv: string[]): Promise<{ end: ExitStatus; out: string }>;
  get(sandbox: string): Promise<SandboxInfo>;
  /** Removes every sandbox, checks that nothing of this engine is left on the machine, and removes the store. */
  dispose(): Promise<void>;
};

export type EngineOptions = {
  readonly name?: string;
  readonly env?: Record<string, string>;
  /** The programs that owners run from. */
  readonly bundle?: Bundle;
};

export function newEngine(options: EngineOptions = {}): Engine {
  const home = join(mkdtempSync(join(tmpdir(), 'hve-')), options.name ?? 'h');
  const env = { ...process.env, ...options.env, HEYO_HOME: home };
  const paths = pathsOf(env);
  const { call } = createService({ paths, env, bundle: options.bundle ?? bundle });
  return {
    home,
    paths,
    call,
    create: async (spec = {}) => (await call('sandbox/create', { spec })).sandbox,
    exec: async (sandbox, ...argv) => execIn(paths, sandbox, argv),
    get: async sandbox => (await call('sandbox/get', { sandbox })).sandbox,
    dispose: async () => {
      try {
        const { sandboxes } = await call('sandbox/list', {});
        for (const { id } of sandboxes) await call('sandbox/remove', { sandbox: id, force: true });
        await eventually(() => processesOf(paths).length === 0 || fail(describe(processesOf(paths))), {
          what: 'the end of every process of the engine',
        });
        await assertNoTraces(paths);
      } finally {
        for (const { pid } of processesOf(paths)) kill(pid);
        rmSync(join(home, '..'), { recursive: true, force: true });
        rmSync(paths.run, { recursive: true, force: true });
      }
    },
  };
}

async function execIn(
  paths: Paths,
  sandbox: string,
  argv: string[],
): Promise<{ end: ExitStatus; out: string }> {
  const { guest } = connectOwner(await findEntry(paths, sandbox));
  const running = await guest.exec({ argv });
  running.stdin.end();
  running.stderr.resume();
  const out = await text(running.stdout);
  return { end: await running.exited, out };
}

export type Found = { readonly pid: number; readonly command: string };

/** Owners carry the store in their environment; whatever belongs to a guest has it among its mounts or arguments. */
export function processesOf({ home, run }: Pick<Paths, 'home' | 'run'>): readonly Found[] {
  const found: Found[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const seen = ['environ', 'cmdline', 'mountinfo'].map(file => readProc(pid, file));
    if (isOurs(seen, home) || isOurs(seen, run))
      found.push({ pid, command: (seen[1] ?? '').replaceAll('\0', ' ') });
  }
  return found;
}

function isOurs([environ = '', command = '', mounts = '']: readonly string[], folder: string): boolean {
  const escaped = folder.replace(/ /g, '\\040');
  return environ.includes(`HEYO_HOME=${folder}\0`) || command.includes(folder) || mounts.includes(escaped);
}

/** A process that ends loses what tells whose it was a moment before its sockets and mounts are gone. */
export async function assertNoTraces(paths: Pick<Paths, 'home' | 'run'>): Promise<void> {
  await eventually(() => tracesOf(paths) === undefined || fail(`${tracesOf(paths)} is left`), {
    what: 'the end of all traces',
  });
}

function tracesOf(paths: Pick<Paths, 'home' | 'run'>): string | undefined {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  if (mounts.includes(paths.home)) return 'a mount of the store';
  const sockets = readFileSync('/proc/net/unix', 'latin1');
  return sockets.includes(`${paths.run}/`) ? 'a socket of the store' : undefined;
}

export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

/** For `before`: skips the suite, saying why, where no owner can run. */
export function needEngine(this: Mocha.Context): void {
  skipBecause(this, whyNoEngine());
}

export function skipBecause(context: Mocha.Context, why: string | undefined): void {
  if (why === undefined) return;
  console.log(`not run: ${why}`);
  context.skip();
}

/** Owners are bundles, which `npm test` builds before it runs anything. */
export function whyNoEngine(): string | undefined {
  if (process.platform !== 'linux') return 'the guests of these tests need Linux';
  try {
    readFileSync(ownerProgram(bundle.folder));
    return undefined;
  } catch {
    return 'dist/owner.cjs is not built';
  }
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    // It ended meanwhile, or belongs to another user.
    return '';
  }
}

function describe(found: readonly Found[]): string {
  return `still running: ${found.map(({ pid, command }) => `${pid} ${command}`).join('; ')}`;
}

function fail(message: string): never {
  throw new Error(message);
}

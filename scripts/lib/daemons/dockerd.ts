// A docker engine of the tests' own, in a namespace of its own: it can be killed and started again, and leaves nothing.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { which } from '../command.ts';
import { Stop } from '../say.ts';
import { type Namespace, openNamespace } from './namespace.ts';

const PATIENCE_MS = 60_000;

export type Dockerd = {
  readonly socket: string;
  /** The daemon itself, as this machine calls it. */
  pid(): number | undefined;
  /** Again, after it was killed. */
  start(): Promise<void>;
  /** The daemon alone, at once; containers live on. */
  kill(): Promise<void>;
  /** Everything. */
  end(): Promise<void>;
};

export type DockerdOptions = {
  /** Short, because sockets lie in it; removed in the end. */
  readonly folder: string;
  /** Where images stay; in `folder` when somebody else uses it, or when it is left out. */
  readonly keep?: string;
  /** More words for the daemon. */
  readonly flags?: readonly string[];
};

/** Why no engine can be started here. */
export function whyNoDockerd(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'an engine of docker needs root on Linux';
  const missing = ['dockerd', 'containerd', 'runc', 'unshare', 'nsenter', 'ip'].find(
    name => which(name) === undefined,
  );
  return missing === undefined ? undefined : `the program ${missing} is not installed`;
}

export async function startDockerd({ folder, keep, flags = [] }: DockerdOptions): Promise<Dockerd> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { namespace, data } = await placeFor(folder, keep);
  const socket = join(folder, 'docker.sock');
  const pidFile = join(folder, 'pid');
  const groups = `heyvm-test-${process.pid}-${Date.now()}`;
  const log = openSync(join(folder, 'dockerd.log'), 'a');
  let running: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    rmSync(pidFile, { force: true });
    const words = [
      ...['dockerd', '--data-root', data, '--exec-root', join(folder, 'exec'), '--pidfile', pidFile],
      ...['--host', `unix://${socket}`, '--cgroup-parent', `/${groups}`],
      ...flags,
    ];
    const [program = '', ...args] = namespace.inside(words);
    const child = spawn(program, args, { stdio: ['ignore', log, log] });
    running = child;
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await answers(socket))) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Stop(`dockerd does not start: ${lastWords(join(folder, 'dockerd.log'))}`);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  const pid = () => {
    const inner = Number(readFileSync(pidFile, 'utf8'));
    return namespace.hostPid(inner);
  };

  try {
    await start();
  } catch (error) {
    await namespace.end();
    throw error;
  }
  return {
    socket,
    pid,
    start,
    kill: async () => {
      const found = pid();
      if (found === undefined || running === undefined) return;
      const ended = running.exitCode === null ? once(running, 'exit') : undefined;
      process.kill(found, 'SIGKILL');
      await ended;
    },
    end: async () => {
      await namespace.end();
      removeGroups(groups);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One call of the engine's API; a status that is not a success is an answer as well. */
export async function ask(
  socket: string,
  method: string,
  path: string,
): Promise<{ status: number; body: string }> {
  const asked = request({ socketPath: socket, method, path, headers: { host: 'engine' } });
  asked.end();
  const [response] = await once(asked, 'response');
  return { status: response.statusCode ?? 0, body: await text(response) };
}

async function answers(socket: string): Promise<boolean> {
  try {
    return (await ask(socket, 'GET', '/_ping')).body === 'OK';
  } catch {
    // Nobody listens yet.
    return false;
  }
}

async function placeFor(
  folder: string,
  keep: string | undefined,
): Promise<{ namespace: Namespace; data: string }> {
  if (keep !== undefined) {
    mkdirSync(keep, { recursive: true, mode: 0o700 });
    const namespace = await openNamespace({ network: 'own', lock: join(keep, 'lock') });
    if (namespace !== undefined) return { namespace, data: join(keep, 'data') };
  }
  const namespace = await openNamespace({ network: 'own' });
  if (namespace === undefined) throw new Error('a namespace without a lock is never taken');
  return { namespace, data: join(folder, 'data') };
}

/** Control groups outlive the processes in them. */
function removeGroups(name: string): void {
  const root = '/sys/fs/cgroup';
  for (const hierarchy of ['', ...readdirSync(root)]) removeGroup(join(root, hierarchy, name));
}

function removeGroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory()) removeGroup(join(path, entry.name));
    rmdirSync(path);
  } catch {
    // This hierarchy has no such group.
  }
}

function lastWords(log: string): string {
  return readFileSync(log, 'utf8').trim().split('\n').slice(-5).join('\n');
}

// Starts the VS Code server on loopback and stops it again, with all of its data in one folder of the caller's.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Stop } from './say.ts';
import type { VscodeServer } from './vscodeServer.ts';

export type ServeOptions = {
  readonly server: VscodeServer;
  /** Data, extensions, settings and the log go below this folder. */
  readonly data: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Settings of the user. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Asked for in the address; without one anybody on this machine could use the server. */
  readonly token?: string;
  /** Lets the page's address name the extension and the tests that it should run. */
  readonly smokeTestDriver?: 'on' | 'off';
};

export type Served = {
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  readonly log: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
};

export async function serveVscode(options: ServeOptions): Promise<Served> {
  const port = await freePort();
  const log = join(options.data, 'server.log');
  writeSettings(options.data, options.settings ?? {});
  const child = spawn(options.server.node, argumentsOf(options, port), {
    cwd: options.data,
    env: {
      ...cleanEnvironment(options.env ?? process.env),
      // The server leaves sockets in the temporary folder, so it gets one that goes with its data.
      TMPDIR: join(options.data, 'tmp'),
      // What stands before this server in its package, and brings ports to a browser elsewhere, is not here.
      VSCODE_PROXY_URI: '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const file = createWriteStream(log, { flags: 'a' });
  child.stdout?.pipe(file, { end: false });
  child.stderr?.pipe(file, { end: false });
  const served = { port, origin: `http://127.0.0.1:${port}`, log, process: child, stop: () => stop(child) };
  await untilReady(child, log);
  return served;
}

/** Settings where both a server and its browser client look for them, and the folders beside them. */
export function writeSettings(data: string, settings: Readonly<Record<string, unknown>>): void {
  const user = join(data, 'data', 'User');
  const machine = join(data, 'data', 'Machine');
  for (const folder of [user, machine, join(data, 'extensions'), join(data, 'tmp')])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(user, 'settings.json'), JSON.stringify(settings, null, 2));
  writeFileSync(join(machine, 'settings.json'), JSON.stringify(settings, null, 2));
}

function argumentsOf(options: ServeOptions, port: number): string[] {
  const { data, token } = options;
  return [
    join(options.server.folder, 'out', 'server-main.js'),
    ...['--host', '127.0.0.1', '--port', String(port)],
    ...(token === undefined ? ['--without-connection-token'] : ['--connection-token', token]),
    ...[
      '--server-data-dir',
      data,
      '--user-data-dir',
      join(data, 'data'),
      '--extensions-dir',
      join(data, 'extensions'),
    ],
    ...['--accept-server-license-terms', '--telemetry-level', 'off', '--disable-workspace-trust'],
    ...(options.smokeTestDriver === 'on' ? ['--enable-smoke-test-driver'] : []),
  ];
}

/** An editor that this runs in must not leak its own server into the one that is started. */
function cleanEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('VSCODE_') && name !== 'ELECTRON_RUN_AS_NODE'),
  );
}

async function untilReady(child: ChildProcess, log: string): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail('did not start within a minute'), 60_000);
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Stop(`the VS Code server ${why}`, `its log is ${log}\n${said.slice(-2000)}`));
    };
    const read = (chunk: Buffer) => {
      said += chunk.toString();
      if (!said.includes('Extension host agent listening on')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('exit', () => fail('ended at once'));
    child.on('error', error => fail(`cannot be started: ${error.message}`));
  });
}

/** Extension hosts and terminals are children in the server's process group, and go with it. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const timer = setTimeout(() => signalGroup(child.pid ?? 0, 'SIGKILL'), 5_000);
  signalGroup(child.pid, 'SIGTERM');
  await ended;
  clearTimeout(timer);
  signalGroup(child.pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Everybody in the group has ended already.
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>(resolve => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Stop('no free port on loopback');
  return address.port;
}

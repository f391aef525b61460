// The real guest program on this machine without a jail, with a home and sockets of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Guest, GuestProcess } from '../../server/core/guest.ts';
import { connect, listen } from '../../server/platform/sockets.ts';
import type { ExecRequest, ExitStatus } from '../../server/protocol/exec.ts';
import { guestOver, type RemoteGuest } from '../../server/wire/client.ts';
import { serveChannel } from '../../server/wire/serve.ts';
import { eventually } from '../support/eventually.ts';

const root = join(import.meta.dirname, '../..');

/** The program as the build puts it, or as cargo left it. */
export const guestProgram: string | undefined = [
  join(root, 'dist/guest-linux-x64'),
  join(root, 'native/guest/target/release/heyvm-guest'),
].find(path => existsSync(path));

export function skipWithoutProgram(context: Mocha.Context): void {
  if (guestProgram !== undefined) return;
  console.log('not run: the guest program is not built');
  context.skip();
}

export type Bench = {
  readonly home: string;
  readonly socket: string;
  readonly program: ChildProcess;
  /** Straight to the guest program. */
  readonly direct: RemoteGuest;
  /** Through a server like the one that owners have. */
  readonly chained: RemoteGuest;
  /** Where that server listens. */
  readonly serverSocket: string;
  readonly logged: string[];
  close(): Promise<void>;
};

export async function startBench(): Promise<Bench> {
  if (guestProgram === undefined) throw new Error('the guest program is not built');
  const home = await mkdtemp('/tmp/heyvm-wire-');
  const socket = join(home, 's');
  await mkdir(join(home, 'home'));
  const launch = [
    'launch',
    '--listen',
    socket,
    '--listen-fd',
    '9',
    '--die-with-parent',
    '--keep-fds',
    '9',
    '--',
  ];
  const program = spawn(guestProgram, [...launch, guestProgram, 'serve', '--fd', '9'], {
    env: { PATH: process.env['PATH'], HOME: join(home, 'home'), LC_ALL: 'C' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const direct = guestOver(() => connect(socket));
  await eventually(() => direct.ping().then(() => true), { what: 'the guest program answering' });
  const logged: string[] = [];
  const serverSocket = join(home, 'c');
  const server = await serveGuest(serverSocket, direct, logged);
  return {
    home,
    socket,
    program,
    direct,
    chained: guestOver(() => connect(serverSocket)),
    serverSocket,
    logged,
    async close() {
      server.close();
      const ended =
        program.exitCode === null && program.signalCode === null ? once(program, 'exit') : undefined;
      program.kill('SIGKILL');
      await ended;
      await rm(home, { recursive: true, force: true });
    },
  };
}

function serveGuest(
  path: string,
  guest: Pick<Guest, 'exec' | 'dial' | 'sftp' | 'listeningPorts'>,
  logged: string[],
): Promise<Server> {
  return listen(path, socket => {
    void serveChannel(socket, {
      guest,
      rpc: taken => taken.on('data', chunk => taken.write(chunk)),
      log: line => logged.push(line),
    });
  });
}

export type Output = { stdout: Buffer; stderr: Buffer; status: ExitStatus };

/** Runs a program to its end; `/tmp` is the folder, for there is no workspace outside of a jail. */
export async function run(
  guest: Pick<Guest, 'exec'>,
  request: ExecRequest,
  input: string | Buffer = '',
): Promise<Output> {
  const started = await guest.exec({ cwd: '/tmp', ...request });
  started.stdin.end(input);
  return collect(started);
}

export async function collect(started: GuestProcess): Promise<Output> {
  const [stdout, stderr, status] = await Promise.all([
    everything(started.stdout),
    everything(started.stderr),
    started.exited,
  ]);
  return { stdout, stderr, status };
}

export async function everything(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// The multiplexer of the guest program with the streams that may lead to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { GuestProcess } from '../../server/core/guest.ts';
import { connect } from '../../server/platform/sockets.ts';
import type { RemoteGuest } from '../../server/wire/client.ts';
import { guestProgram } from './guestProgram.ts';

export type Lane = { readonly program: ChildProcess; readonly stream: Duplex };

/** The multiplexer of the guest program with pipes, as an engine's `exec` gives them. */
export async function overPipes(socket: string): Promise<Lane> {
  const script = 'cat | "$0" mux --stdio --socket "$1" | cat';
  const program = spawn('sh', ['-c', script, guestProgram ?? '', socket], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const stream = Duplex.from({ readable: program.stdout, writable: program.stdin });
  return { program, stream };
}

/** The same with one socket for both directions. */
export async function overSocket(socket: string, folder: string): Promise<Lane> {
  const path = join(folder, `lane-${randomBytes(4).toString('hex')}`);
  const server = createServer({ pauseOnConnect: true }).listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const stream = await connect(path);
  const [inner] = await accepted;
  const program = spawn(guestProgram ?? '', ['mux', '--stdio', '--socket', socket], {
    stdio: [inner, inner, 'ignore'],
  });
  inner.destroy();
  server.close();
  return { program, stream };
}

/** A program that only ends when it is hung up. */
export async function startSleeper(guest: RemoteGuest): Promise<{ started: GuestProcess; pid: number }> {
  const started = await guest.exec({ argv: ['sh', '-c', 'echo $$; exec sleep 1000'], cwd: '/tmp' });
  const [chunk] = await once(started.stdout, 'data');
  return { started, pid: Number(chunk) };
}

export async function pair(folder: string): Promise<{ near: Duplex; far: Duplex }> {
  const path = join(folder, `pair-${randomBytes(4).toString('hex')}`);
  const server = createServer({ allowHalfOpen: true }).listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const near = await connect(path);
  const [far] = await accepted;
  server.close();
  return { near, far };
}

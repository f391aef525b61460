// Unix sockets of owners: private, with half-close, and never blocked by a stale file.
import { chmodSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';

/** The folder of `path` must be private already, for there is a moment before the socket's own mode is set. */
export async function listen(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  rmSync(path, { force: true });
  const server = net().createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
  chmodSync(path, 0o600);
  return server;
}

/** Rejects with the system's own error when nobody listens. */
export function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = net().connect({ path, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** A server that is gone without a word is noticed in minutes, and one that never answers after the given time. */
export function connectTo(host: string, port: number, patienceMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = net().connect({
      host,
      port,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      noDelay: true,
    });
    const late = new Error(`no answer in ${patienceMs / 1000} seconds`);
    const timer = setTimeout(() => socket.destroy(late), patienceMs);
    socket.once('error', reject);
    socket.once('close', () => clearTimeout(timer));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Loaded with its first use, because commands that only read the store need no network. */
function net(): typeof import('node:net') {
  return process.getBuiltinModule('node:net');
}

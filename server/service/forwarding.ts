// One port of a guest on this machine's loopback address.
import { createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { fail, toSandboxError } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';

type Dialled = Pick<Guest, 'dial'>;

export type Forwarding = {
  readonly guest: number;
  readonly host: number;
  readonly address: string;
  close(): void;
};

const ADDRESS = '127.0.0.1';
/** How many ports above the wanted one are tried before the system chooses. */
const TRIES = 20;

/** A host port that was named must be free; otherwise it is the one that is wanted, the guest's number, or the next free one. */
export async function forwardPort(
  guest: Dialled,
  port: { readonly guest: number; readonly host?: number; readonly near?: number },
  warn: (text: string) => void,
): Promise<Forwarding> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    void join(guest, port.guest, socket).catch(thrown => {
      warn(`port ${port.guest}: ${toSandboxError(thrown).message}`);
      socket.destroy();
    });
  });
  const host =
    port.host === undefined
      ? await listenNear(server, port.near ?? port.guest)
      : await listenOn(server, port.host);
  return {
    guest: port.guest,
    host,
    address: ADDRESS,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function join(guest: Dialled, port: number, socket: Socket): Promise<void> {
  // A client that goes away while the guest is being dialled is no reason to fail.
  socket.on('error', () => socket.destroy());
  const inside = await guest.dial({ kind: 'tcp', host: 'localhost', port });
  const done = (): void => {
    // Either side may hang up at any time; the other one is closed by the pipeline.
  };
  pipeline(socket, inside, done);
  pipeline(inside, socket, done);
}

async function listenOn(server: Server, port: number): Promise<number> {
  const bound = await tryListen(server, port);
  if (bound === undefined) {
    fail('busy', `port ${port} of this machine is in use`, {
      hint: 'name another one, or leave the host port out',
    });
  }
  return bound;
}

async function listenNear(server: Server, wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + TRIES && port <= 65_535; port += 1) {
    const bound = await tryListen(server, port);
    if (bound !== undefined) return bound;
  }
  return (await tryListen(server, 0)) ?? fail('busy', 'this machine has no free port');
}

/** The port, or undefined when it is in use or not permitted to us. */
function tryListen(server: Server, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    };
    server.once('error', refused);
    server.listen({ host: ADDRESS, port, exclusive: true }, () => {
      server.off('error', refused);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

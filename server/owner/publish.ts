// Published ports: each is a listener on this machine's loopback address that leads to a port of the guest.
import type { Server, Socket } from 'node:net';
import { fail, toSandboxError } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import type { PublishedPort } from '../protocol/sandbox.ts';

export type Published = {
  readonly ports: readonly { readonly guest: number; readonly host: number }[];
  close(): void;
};

export type Publishing = {
  readonly guest: Pick<Guest, 'dial'>;
  readonly log: (line: string) => void;
  /** `refuse`: a port that is taken fails. `leave out`: a guest that runs already goes on without it. */
  readonly taken: 'refuse' | 'leave out';
};

const ADDRESS = '127.0.0.1';

/** All of them or, when one is taken and that is refused, none. */
export async function publishPorts(ports: readonly PublishedPort[], to: Publishing): Promise<Published> {
  const open: { server: Server; sockets: Set<Socket>; guest: number; host: number }[] = [];
  const close = (): void => {
    for (const { server, sockets } of open) {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
  };
  for (const { guest, host = 0 } of ports) {
    try {
      open.push({ guest, ...(await offer(guest, host, to)) });
    } catch (error) {
      if (to.taken === 'refuse') {
        close();
        throw error;
      }
      to.log(`port ${guest} is not published: ${toSandboxError(error).message}`);
    }
  }
  return { ports: open.map(({ guest, host }) => ({ guest, host })), close };
}

async function offer(
  guest: number,
  wanted: number,
  { guest: inside, log }: Publishing,
): Promise<{ server: Server; sockets: Set<Socket>; host: number }> {
  const sockets = new Set<Socket>();
  const { createServer } = await import('node:net');
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that goes away while the guest is dialled is no reason to fail.
    socket.on('error', () => socket.destroy());
    join(inside, guest, socket).catch((error: unknown) => {
      log(`published port ${guest}: ${toSandboxError(error).message}`);
      socket.destroy();
    });
  });
  const host = await listenOn(server, wanted);
  server.on('error', error => log(`published port ${guest}: ${error.message}`));
  return { server, sockets, host };
}

async function join(inside: Pick<Guest, 'dial'>, port: number, socket: Socket): Promise<void> {
  const [{ pipeline }, stream] = await Promise.all([
    import('node:stream'),
    inside.dial({ kind: 'tcp', host: 'localhost', port }),
  ]);
  const done = (): void => {
    // Either side may hang up at any time; the other one is closed by the pipeline.
  };
  pipeline(socket, stream, done);
  pipeline(stream, socket, done);
}

function listenOn(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      try {
        fail('port-taken', `port ${port} of this machine ${reasonOf(error)}`, {
          hint: 'name another one, or leave the port of this machine out',
          cause: error,
        });
      } catch (refusal) {
        reject(refusal);
      }
    });
    server.listen({ host: ADDRESS, port, exclusive: true }, () => {
      server.removeAllListeners('error');
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'is in use';
  if (code === 'EACCES') return 'may not be used by you';
  return `cannot be listened on: ${message}`;
}

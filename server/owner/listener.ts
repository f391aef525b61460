// The opt-in door for clients that cannot run a ProxyCommand: ssh on a port of loopback, for who has the sandbox's key.
import { createServer, type Server, type Socket } from 'node:net';
import { SandboxError, toSandboxError } from '../core/errors.ts';
import type { SandboxPaths } from '../store/paths.ts';
import type { Log } from './log.ts';

export type Listener = {
  readonly port: number | undefined;
  /** On the port that is wanted, or on a free one; again with the same changes nothing. Answers the port. */
  open(wanted: number | undefined): Promise<number>;
  /** Lets nobody else in; who is connected stays so. */
  refuse(): void;
  close(): void;
};

export type Accept = (socket: Socket, clientKey: string) => void;

const ADDRESS = '127.0.0.1';
/** Whoever has not shown the key by then is cut off, and so is a crowd of them. */
const MOST_AT_ONCE = 64;

export function createListener(files: Pick<SandboxPaths, 'clientKey'>, accept: Accept, log: Log): Listener {
  let server: Server | undefined;
  let port: number | undefined;
  const open = new Set<Socket>();
  const refuse = () => {
    server?.close();
    server = undefined;
    port = undefined;
  };
  const close = () => {
    refuse();
    for (const socket of open) socket.destroy();
  };
  return {
    get port() {
      return port;
    },
    open: async wanted => {
      if (port !== undefined) return port;
      const { ensureSshKey } = await import('../platform/sshKey.ts');
      const { publicLine } = await ensureSshKey(files.clientKey);
      const made = createServer({ allowHalfOpen: true }, socket => {
        open.add(socket);
        socket.once('close', () => open.delete(socket));
        socket.on('error', error => log(`ssh over loopback: ${error.message}`));
        accept(socket, publicLine);
      });
      made.maxConnections = MOST_AT_ONCE;
      port = await listenOn(made, wanted);
      server = made;
      log(`ssh is offered on ${ADDRESS}:${port}`);
      return port;
    },
    refuse,
    close,
  };
}

/** For an owner that starts: a port that somebody else has taken meanwhile is no reason not to run. */
export async function openKept(listener: Listener, wanted: number, log: Log): Promise<void> {
  try {
    await listener.open(wanted);
  } catch (error) {
    log(`ssh is not offered on port ${wanted}: ${toSandboxError(error).message}`);
  }
}

function listenOn(server: Server, wanted: number | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', cause => {
      const port = wanted ?? 0;
      reject(new SandboxError('port-taken', `port ${port} of this machine cannot be listened on`, { cause }));
    });
    server.listen({ host: ADDRESS, port: wanted ?? 0, exclusive: true }, () => {
      server.removeAllListeners('error');
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : (wanted ?? 0));
    });
  });
}

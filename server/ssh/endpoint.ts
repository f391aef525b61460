// The SSH server in front of a guest: every connection that reaches it becomes programs and streams of the guest.
import type { Socket } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ServerConfig } from 'ssh2';
import type { Guest } from '../core/guest.ts';
import type { Shell } from '../core/shell.ts';
import type { Policy } from '../protocol/sandbox.ts';
import { keyChecker } from './clientKey.ts';
import { serveForwards } from './forward.ts';
import { serveSession } from './session.ts';
import { transportOver } from './streams.ts';

export type Endpoint = {
  /** Speaks SSH on a connection. Without a key, whoever could open it is trusted already. */
  accept(stream: Socket, clientKey?: string): void;
  /** Ends all connections. */
  close(): void;
};

export type EndpointOptions = {
  readonly guest: Pick<Guest, 'exec' | 'dial' | 'sftp'>;
  readonly shell: Shell;
  /** In OpenSSH's own format. */
  readonly hostKeyPem: string;
  readonly policy: Policy;
  readonly log: (line: string) => void;
};

/** Only authenticated ciphers that processors have instructions for; a client's first choice among these wins. */
const algorithms: NonNullable<ServerConfig['algorithms']> = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
};

/** ssh2 has no switch for its own keep-alive, which would end the connection of a client that is suspended. */
const NEVER_MS = 2 ** 31 - 1;

export function createEndpoint(options: EndpointOptions): Endpoint {
  const open = new Set<Socket>();
  return {
    accept(stream, clientKey) {
      if (stream.destroyed) return;
      open.add(stream);
      stream.once('close', () => open.delete(stream));
      stream.on('error', error => options.log(`ssh connection: ${error.message}`));
      // A client that has said its last word has nothing to hear either.
      stream.once('end', () => stream.destroy());
      serve(stream, options, clientKey);
    },
    close() {
      for (const stream of open) stream.destroy();
    },
  };
}

function acceptAnybody(attempt: AuthContext): void {
  if (attempt.method === 'none') attempt.accept();
  else attempt.reject(['none']);
}

/** Who never shows a key must not keep a connection. */
function limitGreeting(client: Connection, stream: Socket): void {
  const timer = setTimeout(() => stream.destroy(), GREETING_MS);
  client.once('ready', () => clearTimeout(timer));
  stream.once('close', () => clearTimeout(timer));
}

const GREETING_MS = 30_000;

/** A server per connection, because ssh2 does not tell which of its sockets a client came from. */
function serve(stream: Socket, options: EndpointOptions, clientKey: string | undefined): void {
  const { hostKeyPem, log } = options;
  const server = new ssh2.Server({
    hostKeys: [hostKeyPem],
    ident: 'heyvm',
    algorithms,
    keepaliveInterval: NEVER_MS,
  });
  const transport = transportOver(stream);
  server.on('connection', client => {
    client.on('error', error => log(`ssh client: ${error.message}`));
    client.on('authentication', clientKey === undefined ? acceptAnybody : keyChecker(clientKey));
    if (clientKey !== undefined) limitGreeting(client, stream);
    client.on('session', accept => serveSession(accept(), { ...options, transport }));
    serveForwards(client, { ...options, transport });
  });
  server.injectSocket(stream);
  // What goes out in answer to one read goes out as one write.
  stream.on('data', () => transport.together(() => {}));
}

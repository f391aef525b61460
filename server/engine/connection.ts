// The connection of one call: dockerode is given one for each, because engines come and go under a kept one.
import { readFileSync } from 'node:fs';
import { Agent, type ClientRequestArgs } from 'node:http';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import type { Address, Tls } from './address.ts';
import { engineOverSsh } from './ssh.ts';

export type Connection = {
  readonly docker: Docker;
  /** Rejects when the signal asks for it, or when the connection ended: dockerode never answers a call that was cut off. */
  readonly lost: Promise<never>;
};

/** For one request: what comes after its end is nobody's. The signal holds as long as the connection does. */
export function connectionTo(address: Address, signal: AbortSignal | undefined): Connection {
  signal?.throwIfAborted();
  const { promise: lost, reject } = Promise.withResolvers<never>();
  // Whoever got an answer does not listen any more.
  lost.catch(() => undefined);
  const agent = agentFor(address);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, done) => {
    signal?.throwIfAborted();
    const socket =
      address.kind === 'ssh' ? engineOverSsh(address) : connect({ ...options, ...goalOf(address) }, done);
    if (socket) watch(socket, signal, reject);
    return socket;
  };
  // dockerode describes every request for its log, also when nobody reads that.
  Object.assign(agent, { [inspect.custom]: () => 'one connection' });
  return { docker: dockerWith({ ...optionsFor(address), agent }), lost };
}

function watch(socket: Duplex, signal: AbortSignal | undefined, lose: (reason: unknown) => void): void {
  let broke: unknown;
  const onAbort = (): void => {
    lose(signal?.reason);
    socket.destroy(signal?.reason);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  socket.once('error', error => {
    broke = error;
  });
  socket.once('close', () => {
    signal?.removeEventListener('abort', onAbort);
    const early = Object.assign(new Error('the connection ended in the middle of an answer'), {
      code: 'ECONNRESET',
    });
    // An answer that came with the end is told first.
    setImmediate(() => lose(broke ?? early));
  });
}

/** With a name for TLS that is none: without, Node finds one out, which takes longer than the rest of a request. */
const plain = { keepAlive: false, servername: '' };

function agentFor(address: Address): Agent {
  const tls = address.kind === 'tcp' ? address.tls : undefined;
  if (tls === undefined) return new Agent(plain);
  // Loading what TLS needs takes longer than a call.
  const { Agent: SecureAgent } = process.getBuiltinModule('node:https');
  return new SecureAgent({ keepAlive: false, rejectUnauthorized: tls.verify });
}

/** In the place of what dockerode asked for. */
function goalOf(address: Exclude<Address, { kind: 'ssh' }>): ClientRequestArgs & { servername?: string } {
  if (address.kind === 'unix') return { path: address.path };
  const { host, port } = address;
  return { path: null, host, port, servername: isIP(host) === 0 ? host : '' };
}

/**
 * The socket stands for every kind of address: where a connection goes is the agent's business, and for a host
 * dockerode would take it apart with a function whose use Node warns people of.
 */
function optionsFor(address: Address): Docker.DockerOptions {
  const socketPath = address.kind === 'unix' ? address.path : '/engine';
  if (address.kind !== 'tcp') return { socketPath };
  const { tls } = address;
  return { socketPath, protocol: tls === undefined ? 'http' : 'https', ...certificates(tls) };
}

function certificates(tls: Tls | undefined): Docker.DockerOptions {
  if (tls === undefined || tls.folder === '') return {};
  const read = (name: string): Buffer => readFileSync(join(tls.folder, name));
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

/** DOCKER_HOST would win over the address that is given, and its certificates with it, so that it is hidden meanwhile. */
function dockerWith(options: Docker.DockerOptions & { readonly agent: Agent }): Docker {
  const { DOCKER_HOST: host } = process.env;
  if (host === undefined) return new Docker(options);
  delete process.env['DOCKER_HOST'];
  try {
    return new Docker(options);
  } finally {
    process.env['DOCKER_HOST'] = host;
  }
}

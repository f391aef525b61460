// Forwarded connections: what an ssh client wants to reach inside, by port or by socket path.
import type { Duplex } from 'node:stream';
import type { Connection, ServerChannel } from 'ssh2';
import { toSandboxError } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import { DialTarget } from '../protocol/exec.ts';
import { parse } from '../protocol/parse.ts';
import type { Policy } from '../protocol/sandbox.ts';
import { copyIn, copyOut, outputOf, type Transport } from './streams.ts';

export type ForwardContext = {
  readonly guest: Pick<Guest, 'dial'>;
  readonly policy: Policy;
  readonly transport: Transport;
  readonly log: (line: string) => void;
};

export function serveForwards(client: Connection, context: ForwardContext): void {
  client.on('tcpip', (accept, reject, { destIP, destPort }) => {
    void open({ kind: 'tcp', host: destIP, port: destPort }, { accept, reject }, context);
  });
  client.on('openssh.streamlocal', (accept, reject, { socketPath }) => {
    void open({ kind: 'unix', path: socketPath }, { accept, reject }, context);
  });
  // A forward back to the client's machine is a way out of the guest, so none is given.
  client.on('request', (_accept, reject, name) => {
    context.log(`ssh forward refused: ${name}`);
    reject?.();
  });
}

type Answer = { accept: () => ServerChannel; reject: () => void };

async function open(asked: unknown, { accept, reject }: Answer, context: ForwardContext): Promise<void> {
  const target = parse(DialTarget, asked);
  if (!target.ok || !permits(context.policy, target.value)) return reject();
  try {
    const inside = await context.guest.dial(target.value);
    const channel = accept();
    if (channel === undefined) inside.destroy();
    else bridge(channel, inside, context);
  } catch (thrown) {
    context.log(`ssh forward: ${toSandboxError(thrown).message}`);
    reject();
  }
}

/** A forward must not reach farther than the guest itself may. */
function permits(policy: Policy, target: DialTarget): boolean {
  return target.kind === 'unix' || policy.network.mode === 'open' || isLoopback(target.host);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Joins a channel and a stream of the guest; each direction ends on its own. */
function bridge(channel: ServerChannel, inside: Duplex, context: StreamContext): void {
  const sent = join(channel, inside, context).then(() => channel.eof());
  const received = new Promise<void>(resolve => channel.once('end', resolve));
  void Promise.all([received, sent]).then(() => channel.end());
}

export type StreamContext = { readonly transport: Transport; readonly log: (line: string) => void };

/** Resolves when the client was sent everything; whatever breaks closes both. */
export function join(
  channel: ServerChannel,
  inside: Duplex,
  { transport, log }: StreamContext,
): Promise<void> {
  const output = outputOf(channel, transport);
  const over = () => {
    forget();
    output.end();
    inside.destroy();
    channel.resume();
    channel.close();
  };
  channel.on('error', (error: Error) => log(`ssh channel: ${error.message}`));
  inside.on('error', over);
  // ssh2 ends this stream as soon as the client closes the channel, even while input is unread.
  channel.stderr.once('finish', over);
  const forget = transport.onClose(over);
  copyIn(channel, inside);
  return copyOut(inside, output, 'data');
}

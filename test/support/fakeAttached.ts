// A connection to a guest of the external fake; it may break while the guest goes on.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../server/core/errors.ts';
import type { Guest, GuestEnd } from '../../server/core/guest.ts';
import { type ProcessIdentity, signalProcess } from '../../server/platform/process.ts';
import { connect } from '../../server/platform/sockets.ts';
import { guestOver, openChannel } from '../../server/wire/client.ts';
import { eventually } from './eventually.ts';

type FindHost = () => ProcessIdentity | undefined;

/** `requireEngine` throws while nobody could end the guest, or does not answer. */
export async function attachTo(
  state: string,
  host: FindHost,
  requireEngine: () => void | Promise<void>,
): Promise<Guest> {
  const reach = async () => {
    if (host() === undefined) fail('not-running', 'the guest has ended');
    return connect(join(state, 'guest'));
  };
  const { socket } = await openChannel(await reach(), { op: 'hold' });
  socket.on('error', () => socket.destroy());
  socket.once('end', () => socket.destroy());
  const ended = new Promise<GuestEnd>(resolve => {
    socket.once('close', () => resolve(whyItEnded(state, host)));
  });
  socket.resume();
  let stopping: Promise<GuestEnd> | undefined;
  return {
    ...guestOver(reach),
    // Published ports lead to this machine, on which the fake guest runs.
    dial: async target => {
      if (target.kind !== 'tcp') throw new Error('the fake dials ports alone');
      const { connect: dial } = await import('node:net');
      return new Promise((resolve, reject) => {
        const stream = dial({ port: target.port, host: '127.0.0.1', allowHalfOpen: true });
        stream.once('connect', () => resolve(stream));
        stream.once('error', reject);
      });
    },
    workspace: 'shared',
    ended,
    stop: async ({ graceMs }) => {
      await requireEngine();
      stopping ??= stop(state, host, graceMs).then(() => ended);
      return stopping;
    },
  };
}

async function stop(state: string, host: FindHost, graceMs: number): Promise<void> {
  const found = host();
  if (found === undefined) return;
  await writeFile(join(state, 'stop.json'), JSON.stringify({ graceMs }));
  signalProcess(found, 'SIGTERM');
  signalProcess(found, 'SIGCONT');
  await eventually(() => host() === undefined, { what: 'the end of the host' });
}

/** A process that ends closes its sockets a moment before it is gone. */
async function whyItEnded(state: string, host: FindHost): Promise<GuestEnd> {
  await eventually(() => host() === undefined, { withinMs: 300, everyMs: 5 }).catch(() => undefined);
  if (host() !== undefined) return { kind: 'died', reason: 'the connection to the guest broke' };
  try {
    return JSON.parse(readFileSync(join(state, 'ended.json'), 'utf8')) as GuestEnd;
  } catch {
    // It could write nothing, for it was killed.
    return { kind: 'died', reason: 'the process of the guest was killed' };
  }
}

// Whether a libvirt on another host is still there: asked in its own protocol, because a connection may be open for long
// with nobody behind it.
import type { Duplex } from 'node:stream';
import { alive, encodeFrame, type Frame, KEEPALIVE, statuses, types } from './frames.ts';

/** As often as libvirt's own programs ask in vain before they give up. */
const MOST_MISSED = 5;

/** Breaks the connection when nothing comes any more; whatever comes is a sign of life. */
export function watchOver(connection: Duplex, everyMs: number): void {
  let missed = 0;
  const timer = setInterval(() => {
    // What we do not read ourselves says nothing about the other side.
    if (connection.isPaused()) return;
    missed += 1;
    if (missed > MOST_MISSED) connection.destroy(new Error('libvirt there stopped answering'));
    else connection.write(frameOf(alive.ping));
  }, everyMs);
  connection.on('data', () => {
    missed = 0;
  });
  connection.once('close', () => clearInterval(timer));
}

export function answerPing(connection: Duplex, { procedure }: Frame): void {
  if (procedure === alive.ping) connection.write(frameOf(alive.pong));
}

function frameOf(procedure: number): Buffer {
  const payload = Buffer.alloc(0);
  return encodeFrame({
    program: KEEPALIVE,
    procedure,
    type: types.message,
    serial: 0,
    status: statuses.ok,
    payload,
  });
}

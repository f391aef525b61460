// The one byte stream into a machine, with any number of connections over it; made anew whenever it was lost.
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../../core/errors.ts';
import { errorCodeOf } from '../../platform/files.ts';
import { connect as connectSocket } from '../../platform/sockets.ts';
import { type Mux, muxOver } from '../../wire/mux.ts';

export type Line = {
  /** Waits until the guest answers, which a machine that is not up yet does late. */
  connect(signal?: AbortSignal): Promise<Duplex>;
  /** Told at each loss of an established line. */
  onLost(listener: () => void): void;
  close(): void;
  /** Aborted when it was closed. */
  readonly ended: AbortSignal;
};

/** Over a socket of this machine. */
export function lineTo(port: string): Line {
  return lineOver(() => connectSocket(port));
}

export function lineOver(reach: () => Promise<Duplex>): Line {
  const end = new AbortController();
  const listeners: (() => void)[] = [];
  let current: Promise<Mux> | undefined;
  const lost = (mux: Promise<Mux>): void => {
    if (current === mux) current = undefined;
    for (const listener of listeners) listener();
  };
  const establish = (signal: AbortSignal): Promise<Mux> => {
    const made = open(reach, AbortSignal.any([signal, end.signal]));
    current = made;
    made.then(
      mux => mux.closed.then(() => lost(made)),
      () => {
        if (current === made) current = undefined;
      },
    );
    return made;
  };
  return {
    async connect(signal = end.signal) {
      if (end.signal.aborted) return fail('not-running', 'the guest has ended', { hint: HINT });
      try {
        return await (await (current ?? establish(signal))).connect();
      } catch (cause) {
        // The machine may end while it is waited for.
        if (!end.signal.aborted) throw cause;
        return fail('not-running', 'the guest has ended', { hint: HINT, cause });
      }
    },
    onLost: listener => listeners.push(listener),
    ended: end.signal,
    close() {
      end.abort();
      current?.then(
        mux => mux.close(),
        () => undefined,
      );
    },
  };
}

const HINT = 'start it again with heyvm start';
/** QEMU makes the socket before the machine runs, so that it is only ever missing for a moment. */
const RETRY_MS = 20;
const RETRIES = 100;

async function open(reach: () => Promise<Duplex>, signal: AbortSignal): Promise<Mux> {
  for (let attempt = 0; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      const socket = await reach();
      const onAbort = (): void => void socket.destroy();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await muxOver(socket, { signal });
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    } catch (error) {
      const code = errorCodeOf(error);
      const absent = code === 'ENOENT' || code === 'ECONNREFUSED';
      if (!absent) throw error;
      if (attempt === RETRIES) return fail('not-running', 'the guest has ended', { hint: HINT });
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}

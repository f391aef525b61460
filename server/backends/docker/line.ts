// The line to the guest program: one stream through the engine that carries every connection, made anew when it broke.
import type { Duplex } from 'node:stream';
import { type Mux, muxOver } from '../../wire/mux.ts';
import { Made } from './answers.ts';
import type { Engine } from './engine.ts';
import { GUEST_PROGRAM, GUEST_SOCKET } from './plan.ts';
import { unframed } from './unframed.ts';

export type Line = {
  /** A new connection to the guest program. */
  connect(): Promise<Duplex>;
  /** Ends every connection and makes no more. */
  close(): void;
};

export type Ends = {
  readonly engine: Engine;
  readonly container: string;
  readonly log: (line: string) => void;
};

export function lineTo(ends: Ends): Line {
  const closed = new AbortController();
  let current: Promise<Mux> | undefined;
  const open = async (): Promise<Mux> => {
    const stream = await throughExec(ends, closed.signal);
    const mux = await muxOver(stream, {
      signal: AbortSignal.any([closed.signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
    void mux.closed.then(() => {
      if (current === made) current = undefined;
    });
    return mux;
  };
  let made: Promise<Mux> | undefined;
  const mux = (): Promise<Mux> => {
    if (current !== undefined) return current;
    made = open();
    current = made;
    const own = made;
    own.catch(() => {
      if (current === own) current = undefined;
    });
    return own;
  };
  return {
    connect: async () => (await mux()).connect(),
    close() {
      closed.abort();
      void current?.then(
        open => open.close(),
        () => undefined,
      );
    },
  };
}

/** For a guest program that has only just started, or whose machine is busy. */
const PATIENCE_MS = 30_000;

/** A program beside the first one, which the engine starts for whoever comes; it ends with the stream. */
async function throughExec({ engine, container, log }: Ends, signal: AbortSignal): Promise<Duplex> {
  const { Id: id } = await engine.json(
    {
      method: 'POST',
      path: `/containers/${container}/exec`,
      body: {
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        Cmd: [GUEST_PROGRAM, 'mux', '--stdio', '--socket', GUEST_SOCKET],
        WorkingDir: '/',
      },
      signal,
    },
    Made,
  );
  const body = { Detach: false, Tty: false };
  const connection = await engine.hijack({ method: 'POST', path: `/exec/${id}/start`, body, signal });
  return unframed(connection, text => log(`guest: ${text.trimEnd()}`));
}

// The line to the guest program: one stream through the engine that carries every connection, made anew when it broke.
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { Engine, Request } from '../../engine/engine.ts';
import { unframed } from '../../engine/unframed.ts';
import { type Mux, muxOver } from '../../wire/mux.ts';
import { GUEST_PROGRAM, GUEST_SOCKET } from './plan.ts';

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

/**
 * The first program of the container answers on its own input and output, which costs an engine nothing. An engine
 * that was restarted under its containers may have lost those; it then starts another program for the line.
 */
export function lineTo(ends: Ends): Line {
  const closed = new AbortController();
  let current: Promise<Mux> | undefined;
  const forget = (mux: Promise<Mux>): void => {
    if (current === mux) current = undefined;
  };
  const open = (): Promise<Mux> => {
    const mux = makeMux(ends, closed.signal);
    mux.then(
      ({ closed: over }) => over.then(() => forget(mux)),
      () => forget(mux),
    );
    return mux;
  };
  return {
    async connect() {
      current ??= open();
      return (await current).connect();
    },
    close() {
      closed.abort();
      current?.then(
        mux => mux.close(),
        () => undefined,
      );
    },
  };
}

/** A guest program that runs answers at once; one that is only just being started gets the time that it needs. */
const ATTACH_MS = 15_000;
const EXEC_MS = 30_000;

async function makeMux(ends: Ends, closed: AbortSignal): Promise<Mux> {
  const within = (ms: number): AbortSignal => AbortSignal.any([closed, AbortSignal.timeout(ms)]);
  try {
    return await muxOver(await throughAttach(ends, closed), { signal: within(ATTACH_MS) });
  } catch (error) {
    closed.throwIfAborted();
    ends.log(`cannot attach, starting a program for the line: ${String(error)}`);
  }
  return muxOver(await throughExec(ends, closed), { signal: within(EXEC_MS) });
}

async function throughAttach({ engine, container, log }: Ends, signal: AbortSignal): Promise<Duplex> {
  const options = { hijack: true, stream: true, stdin: true, stdout: true, stderr: true };
  const request: Request<unknown> = docker => docker.getContainer(container).attach(options);
  return unframed(await engine.hijack('attach to a container', request, signal), told(log));
}

/** The program ends with the stream, and with it what was started over it. */
async function throughExec({ engine, container, log }: Ends, signal: AbortSignal): Promise<Duplex> {
  const wanted = {
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true, WorkingDir: '/' },
    Cmd: [GUEST_PROGRAM, 'mux', '--stdio', '--socket', GUEST_SOCKET],
  };
  const make: Request<Docker.Exec> = docker => docker.getContainer(container).exec(wanted);
  const { id } = await engine.call('start a program', make, signal);
  const options = { hijack: true, stdin: true, Detach: false, Tty: false };
  const start: Request<unknown> = docker => docker.getExec(id).start(options);
  return unframed(await engine.hijack('start a program', start, signal), told(log));
}

function told(log: Ends['log']): (text: string) => void {
  return text => log(`guest: ${text.trimEnd()}`);
}

// A running container as the owner sees it: programs and connections over the line, its life through the engine.
import type { DriverContext } from '../../core/backend.ts';
import { fail, SandboxError } from '../../core/errors.ts';
import type { Guest, GuestEnd } from '../../core/guest.ts';
import { type Engine, isAway } from '../../engine/engine.ts';
import { guestOver, type RemoteGuest } from '../../wire/client.ts';
import { answers } from '../kit/answers.ts';
import { within } from '../kit/within.ts';
import { killContainer } from './containers.ts';
import { endOf } from './ending.ts';
import { type Line, lineTo } from './line.ts';

export type GuestParts = {
  readonly engine: Engine;
  readonly id: string;
  readonly context: Pick<DriverContext, 'signal' | 'log'>;
  /** Resolves when the container runs; the line is made meanwhile. */
  readonly started: Promise<void>;
};

/** Resolves when the guest answers; a container that ends before says why. */
export async function makeGuest({ engine, id, context, started }: GuestParts): Promise<Guest> {
  const { log, signal } = context;
  const over = new AbortController();
  const line = lineTo({ engine, container: id, log });
  // A guest may answer before the engine does, and go on when the engine goes away before it has said that it started. The
  // engine's word counts as well: until it is given, one that is killed forgets that the container runs.
  const settled = started.catch(error => (isAway(error) ? undefined : Promise.reject(error)));
  const stopping: Stopping = {};
  const asked = (): boolean => stopping.how !== undefined;
  const died = settled.then(() => endOf({ engine, id, log, asked, signal: over.signal }));
  const remote = guestOver(() => connectOver(line));
  try {
    const ended = died.then(failedStart);
    const { ping } = remote;
    await answers({ ping, ended, settled, retryMs: RETRY_MS, patienceMs: START_MS }, signal);
  } catch (error) {
    line.close();
    over.abort();
    // What the engine said about the start explains more than a line that broke.
    await started;
    throw error;
  }
  return follow({ engine, id, line, remote, died, stopping });
}

/** Present while somebody has asked for the end, and the engine did not refuse. */
type Stopping = { how?: { forced: boolean } | undefined };

type Following = {
  readonly engine: Engine;
  readonly id: string;
  readonly line: Line;
  readonly remote: RemoteGuest;
  readonly died: Promise<GuestEnd>;
  readonly stopping: Stopping;
};

function follow({ engine, id, line, remote, died, stopping }: Following): Guest {
  let stopped: Promise<GuestEnd> | undefined;
  const ended = died.then((end): GuestEnd => {
    line.close();
    return stopping.how === undefined ? end : { kind: 'stopped', forced: stopping.how.forced };
  });
  const stop = async (graceMs: number): Promise<GuestEnd> => {
    stopping.how = { forced: graceMs <= 0 };
    if (graceMs > 0) {
      await killContainer(engine, id, 'TERM');
      if (await within(ended, graceMs)) return ended;
    }
    stopping.how = { forced: true };
    await killContainer(engine, id, 'KILL');
    return ended;
  };
  return {
    exec: remote.exec,
    dial: remote.dial,
    sftp: remote.sftp,
    listeningPorts: remote.listeningPorts,
    ended,
    stop({ graceMs }) {
      stopped ??= stop(graceMs).catch((error: unknown) => {
        // The engine was away; whoever asks again gets another try.
        stopped = undefined;
        stopping.how = undefined;
        throw error;
      });
      return stopped;
    },
  };
}

const START_MS = 60_000;
const RETRY_MS = 5;

function failedStart(end: GuestEnd): never {
  const reason = end.kind === 'died' ? end.reason : 'it was stopped';
  return fail('guest-failed', `the guest did not start: ${reason}`, {
    hint: 'heyvm doctor checks what the engine needs; another image may help',
  });
}

async function connectOver(line: Line): ReturnType<Line['connect']> {
  try {
    return await line.connect();
  } catch (error) {
    if (error instanceof SandboxError && error.code === 'timeout') throw error;
    return fail('not-running', 'the guest has ended, or its engine does not answer', {
      hint: 'look at its state; start it again with heyvm start',
      cause: error,
    });
  }
}

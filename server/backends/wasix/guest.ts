// A running guest: its process, what it says about itself, and the moment it is over.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { DriverContext } from '../../core/backend.ts';
import { fail, fromErrorInfo } from '../../core/errors.ts';
import type { Guest, GuestEnd } from '../../core/guest.ts';
import { startRunner } from '../../platform/ahead.ts';
import { identify } from '../../platform/process.ts';
import { removeTree } from '../../platform/removeTree.ts';
import { parseJson } from '../../protocol/parse.ts';
import type { Limits } from '../../protocol/sandbox.ts';
import { guestOver } from '../../wire/client.ts';
import { reach } from '../kit/reach.ts';
import { within } from '../kit/within.ts';
import { collectWords } from '../kit/words.ts';
import type { GuestPlan } from './plan.ts';
import { runnerFor } from './runner.ts';
import { forgetRunning, writeRunning } from './running.ts';
import { Said, type Told } from './words.ts';

type Started = {
  readonly child: ChildProcess;
  /** Resolves when it serves, rejects with what it says of its failure. */
  readonly ready: Promise<void>;
  /** How it stopped in order, once it has said so. */
  readonly stopped: () => { readonly forced: boolean } | undefined;
  readonly over: Promise<Over>;
};

type Over = { readonly code: number | null; readonly signal: string | null; readonly said: string };

/** Beyond its grace a guest needs a moment to end in order. */
const PATIENCE_MS = 1_500;

/** Resolves when the guest can run programs; on any failure nothing of it is left. */
export async function startGuest(
  plan: GuestPlan,
  context: DriverContext,
  { memory }: Limits,
): Promise<Guest> {
  const started = start(plan, context, memory);
  const { child, ready, over } = started;
  const giveUp = (): void => void child.kill('SIGKILL');
  context.signal.addEventListener('abort', giveUp, { once: true });
  try {
    context.signal.throwIfAborted();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity !== undefined) await writeRunning(context.state, identity);
    await ready;
    context.signal.throwIfAborted();
    return followed(plan, context, started);
  } catch (error) {
    giveUp();
    await over;
    await clearUp(plan, context);
    context.signal.throwIfAborted();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', giveUp);
  }
}

function start(plan: GuestPlan, context: DriverContext, memory: number | undefined): Started {
  const child = startRunner(runnerFor(memory));
  const ready = Promise.withResolvers<void>();
  // Whoever waits hears it; nobody may be waiting any more.
  ready.promise.catch(() => undefined);
  const words = collectWords(child.stderr, context.log);
  let stopped: { forced: boolean } | undefined;
  const over = new Promise<Over>(resolve => {
    child.once('error', error => resolve({ code: null, signal: null, said: error.message }));
    child.once('close', (code, signal) => resolve({ code, signal, said: words.last() }));
  });
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', line => {
      const said = parseJson(Said, line);
      if (!said.ok) context.log(`guest: ${line}`);
      else if ('progress' in said.value) context.progress(said.value.progress);
      else if ('ready' in said.value) ready.resolve();
      else if ('stopped' in said.value) stopped = said.value.stopped;
      else ready.reject(fromErrorInfo(said.value.error, 'the guest did not start'));
    });
  }
  void over.then(({ said }) => {
    ready.reject(failure(said));
  });
  tell(child, { plan });
  return { child, ready: ready.promise, stopped: () => stopped, over };
}

function failure(said: string): unknown {
  try {
    return fail('guest-failed', `the guest did not start: ${said === '' ? 'its process ended' : said}`, {
      hint: 'heyvm test-backend shows what works on this machine',
    });
  } catch (error) {
    return error;
  }
}

function tell(child: ChildProcess, words: Told): void {
  child.stdin?.write(`${JSON.stringify(words)}\n`);
}

function followed(plan: GuestPlan, context: DriverContext, { child, over, stopped }: Started): Guest {
  const remote = guestOver(() => reach(plan.socket));
  let stopping: { forced: boolean } | undefined;
  let asked: Promise<GuestEnd> | undefined;
  const ended = over.then(async (how): Promise<GuestEnd> => {
    await clearUp(plan, context);
    if (stopping === undefined) return { kind: 'died', reason: reasonOf(how) };
    return { kind: 'stopped', forced: stopping.forced || stopped()?.forced === true };
  });
  const stop = async (graceMs: number): Promise<GuestEnd> => {
    stopping = { forced: false };
    if (graceMs > 0) tell(child, { stop: { graceMs } });
    if (graceMs === 0 || !(await within(ended, graceMs + PATIENCE_MS))) {
      stopping.forced = graceMs > 0;
      child.kill('SIGKILL');
    }
    return ended;
  };
  return {
    exec: remote.exec,
    dial: remote.dial,
    sftp: remote.sftp,
    listeningPorts: remote.listeningPorts,
    ended,
    stop({ graceMs }) {
      asked ??= stop(graceMs);
      return asked;
    },
  };
}

function reasonOf({ code, signal, said }: Over): string {
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  return `the process of the guest ${how}${said === '' ? '' : `: ${said}`}`;
}

async function clearUp({ socket }: GuestPlan, { state, log }: DriverContext): Promise<void> {
  await removeTree(socket).catch((error: unknown) => log(`could not remove ${socket}: ${String(error)}`));
  await forgetRunning(state);
}

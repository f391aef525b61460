// Finds out when and how a container ends, also over an engine that is restarted meanwhile.
import { setTimeout as delay } from 'node:timers/promises';
import type { GuestEnd } from '../../core/guest.ts';
import { type Engine, isAway, type Request, unless } from '../../engine/engine.ts';
import { parse } from '../../protocol/parse.ts';
import { type Container, Exit } from './answers.ts';
import { inspectContainer } from './containers.ts';

/** An engine that is upgraded is back within this; with live-restore its containers ran on meanwhile. */
const PATIENCE_MS = 20_000;

const RETRY_MS = 100;

export type Watched = {
  readonly engine: Engine;
  readonly id: string;
  readonly log: (line: string) => void;
  /** Whether somebody asked for the end, who will not ask why. */
  readonly asked: () => boolean;
  /** Gives up the watch; the promise then never resolves. */
  readonly signal: AbortSignal;
};

/** Never rejects. */
export async function endOf(watched: Watched): Promise<GuestEnd> {
  const { engine, id, log, asked, signal } = watched;
  let wentAway = false;
  for (;;) {
    try {
      const exit = await unless(404, exitOf(watched));
      if (asked()) return { kind: 'stopped', forced: false };
      return {
        kind: 'died',
        reason: reasonOf(await inspectContainer(engine, id), wentAway, exit),
      };
    } catch (error) {
      if (signal.aborted) return new Promise(() => {});
      log(`lost sight of the container: ${error instanceof Error ? error.message : String(error)}`);
    }
    wentAway = true;
    const found = await lookAgain(watched);
    if (found === 'away') return { kind: 'died', reason: 'the engine stopped answering' };
    if (found?.State.Running !== true) return { kind: 'died', reason: reasonOf(found, true) };
    log('the engine is back, and the container still runs');
  }
}

async function exitOf({ engine, id, signal }: Watched): Promise<number | undefined> {
  const request: Request<unknown> = docker => docker.getContainer(id).wait({ condition: 'not-running' });
  const exit = parse(Exit, await engine.call('wait for a container', request, signal));
  return exit.ok ? exit.value.StatusCode : undefined;
}

async function lookAgain({ engine, id, signal }: Watched): Promise<Container | undefined | 'away'> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await inspectContainer(engine, id);
    } catch (error) {
      if (signal.aborted) return new Promise(() => {});
      if (!isAway(error) || Date.now() > deadline) return 'away';
      await delay(RETRY_MS);
    }
  }
}

function reasonOf(container: Container | undefined, wentAway: boolean, exit?: number): string {
  if (container === undefined) return 'its container was removed';
  const { OOMKilled: starved, ExitCode: known, Error: broken } = container.State;
  const code = exit ?? known;
  if (starved && code === 137) return 'memory ran out, and the kernel ended the guest';
  if (wentAway) return 'the engine was stopped or restarted, which ended the container';
  if (broken !== '') return broken;
  const reasons: Readonly<Record<number, string>> = {
    0: 'the guest program ended, or the container was stopped from outside',
    125: 'the guest program could not go on',
    137: 'the container was killed from outside',
    143: 'the container was stopped from outside',
  };
  return reasons[code] ?? `the guest program ended with code ${code}`;
}

// A running guest: programs and connections go through the guest program, its life through the processes of the host.
import type { Socket } from 'node:net';
import type { DriverContext } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import type { Guest, GuestEnd } from '../../core/guest.ts';
import { errorCodeOf } from '../../platform/files.ts';
import { signalProcess } from '../../platform/process.ts';
import { connect } from '../../platform/sockets.ts';
import { guestOver, type RemoteGuest } from '../../wire/client.ts';
import { removeGroups } from './cgroups.ts';
import type { LaunchPlan } from './plan.ts';
import { removeTree } from './removeTree.ts';
import { forgetRunning, killAndWait, writeRunning } from './running.ts';
import { firstChildOf, type Over, type Started, startBubblewrap } from './start.ts';

export type GuestParts = {
  readonly plan: LaunchPlan;
  readonly context: DriverContext;
  readonly cgroups: readonly string[];
  readonly socket: string;
};

/** Resolves when the guest answers; on any failure nothing of it is left. */
export async function makeGuest(parts: GuestParts): Promise<Guest> {
  const { plan, context, cgroups, socket } = parts;
  const started = await startBubblewrap(plan, context);
  const remote = guestOver(() => connectTo(socket));
  try {
    await writeRunning(context.state, { init: started.init, cgroups: [...cgroups], socket });
    await answers(remote, started, context.signal);
  } catch (error) {
    await killAndWait(started.init);
    await clearUp(parts, await started.over);
    throw error;
  }
  return followed(parts, started, remote);
}

type Stopping = { forced: boolean };

function followed(parts: GuestParts, started: Started, remote: RemoteGuest): Guest {
  const program = firstChildOf(started.init.pid);
  let stopping: Stopping | undefined;
  let stopped: Promise<GuestEnd> | undefined;
  const ended = started.over.then(async over => {
    await clearUp(parts, over);
    return endOf(over, stopping);
  });
  const stop = async (graceMs: number): Promise<GuestEnd> => {
    stopping = { forced: false };
    const asked = graceMs > 0 && program !== undefined && signalProcess(program, 'SIGTERM');
    if (!asked || !(await within(ended, graceMs))) {
      stopping.forced = signalProcess(started.init, 'SIGKILL');
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
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}

/** The launcher listens before there is a guest, so that one connection, which waits, is enough. */
async function answers(remote: RemoteGuest, started: Started, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const ended = started.over.then(over => failedStart(over));
  try {
    signal.throwIfAborted();
    await Promise.race([remote.ping().catch(() => ended), ended, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Both go on after the race is won, and nobody listens to them any more.
    ended.catch(() => undefined);
    aborted.promise.catch(() => undefined);
  }
}

function failedStart({ code, said }: Over): never {
  const reason = said === '' ? `its program ended with code ${code ?? 'unknown'}` : said;
  return fail('guest-failed', `the guest did not start: ${reason}`, {
    hint: 'heyvm doctor checks what bubblewrap needs',
  });
}

async function clearUp({ context, cgroups, socket }: GuestParts, { said }: Over): Promise<void> {
  if (said !== '') context.log(`the last words of the guest: ${said}`);
  const residues = [...(await removeGroups(cgroups)), ...(await removeTree(socket))];
  for (const { what, path } of residues) context.log(`could not remove ${what} at ${path}`);
  await forgetRunning(context.state);
}

function endOf({ code }: Over, stopping: Stopping | undefined): GuestEnd {
  if (stopping !== undefined) return { kind: 'stopped', forced: stopping.forced };
  const reasons: Readonly<Record<number, string>> = {
    0: 'the guest program ended',
    137: 'the guest program was killed, from inside or because memory ran out',
  };
  const reason = code === undefined ? 'bubblewrap was killed' : reasons[code];
  return { kind: 'died', reason: reason ?? `the guest program ended with code ${code}` };
}

/** True when it happens in time. */
async function within(event: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), ms);
  try {
    return await Promise.race([event.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function connectTo(socket: string): Promise<Socket> {
  try {
    return await connect(socket);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
    return fail('not-running', 'the guest has ended', { hint: 'start it again with heyvm start' });
  }
}

// A running guest: programs and connections go through the guest program, its life through the processes of the host.
import type { DriverContext } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import type { Guest, GuestEnd } from '../../core/guest.ts';
import { type ProcessIdentity, signalProcess } from '../../platform/process.ts';
import { guestOver, type RemoteGuest } from '../../wire/client.ts';
import { answers } from '../kit/answers.ts';
import { reach } from '../kit/reach.ts';
import { within } from '../kit/within.ts';
import { removeGroups } from './cgroups.ts';
import type { LaunchPlan } from './plan.ts';
import { removeTree } from './removeTree.ts';
import { forgetRunning, killAndWait, writeRunning } from './running.ts';
import { firstChildOf, type Over, startBubblewrap } from './start.ts';

export type GuestParts = {
  readonly plan: LaunchPlan;
  readonly context: DriverContext;
  readonly cgroups: readonly string[];
  readonly socket: string;
};

/** Resolves when the guest answers; on any failure nothing of it is left. */
export async function makeGuest(parts: GuestParts): Promise<Guest> {
  const { plan, context, cgroups, socket } = parts;
  const started = startBubblewrap(plan, context);
  const remote = guestOver(() => reach(socket));
  try {
    // The socket is there before the guest is, and a connection to it waits until it is answered.
    const ended = started.over.then(failedStart);
    await answers({ ping: remote.ping, ended, retryMs: RETRY_MS }, context.signal);
    const init = started.init() ?? fail('guest-failed', 'the guest ended right after its start');
    await writeRunning(context.state, { init, cgroups: [...cgroups], socket });
    return followed(parts, { ...started, init }, remote);
  } catch (error) {
    started.letGo();
    const init = started.init();
    if (init !== undefined) await killAndWait(init);
    await clearUp(parts, await started.over);
    throw error;
  }
}

type Running = { readonly init: ProcessIdentity; readonly over: Promise<Over> };

type Stopping = { forced: boolean };

function followed(parts: GuestParts, started: Running, remote: RemoteGuest): Guest {
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

/** The launcher takes about a millisecond. */
const RETRY_MS = 1;

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

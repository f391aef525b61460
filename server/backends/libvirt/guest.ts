// A running machine: programs and connections go through the guest program, its life through libvirt.
import { setTimeout as delay } from 'node:timers/promises';
import type { DriverContext } from '../../core/backend.ts';
import type { Guest, GuestEnd } from '../../core/guest.ts';
import type { WorkspaceMode } from '../../protocol/sandbox.ts';
import { guestOver } from '../../wire/client.ts';
import { type Connect, shutdownGuest } from '../../wire/setup.ts';
import { firstOf, within } from '../kit/within.ts';
import { type Condition, conditionOf, forceOff } from './condition.ts';
import { readConsole } from './console.ts';
import type { Line } from './line.ts';
import type { Places } from './places.ts';
import type { Libvirt } from './virsh.ts';

export type GuestParts = {
  readonly context: DriverContext;
  readonly libvirt: Libvirt;
  readonly name: string;
  readonly places: Places;
  readonly line: Line;
  /** Where it is not as the manifest says. */
  readonly workspace?: WorkspaceMode | undefined;
};

/** The way to the guest program of a guest that this process opened. */
export const linesOf = new WeakMap<Guest, Connect>();

export function makeGuest(parts: GuestParts): Guest {
  const { line, context } = parts;
  const { connect, ...remote } = channels(line);
  let stopping: { forced: boolean } | undefined;
  let stopped: Promise<GuestEnd> | undefined;
  const ended = follow(parts, () => stopping === undefined).then(({ reason, lost }): GuestEnd => {
    line.close();
    if (lost) return { kind: 'died', reason, lost };
    if (stopping !== undefined) return { kind: 'stopped', forced: stopping.forced };
    context.log(`the machine has ended: ${reason}`);
    return { kind: 'died', reason };
  });
  const stop = async (graceMs: number): Promise<GuestEnd> => {
    // Where libvirt is away nobody could say that it has ended, so it is not told to.
    if (graceMs > 0) await parts.libvirt.domains();
    const now = { forced: false };
    stopping = now;
    if (graceMs > 0) await ask(parts, connect, ended, graceMs);
    if (!(await within(ended, 0))) {
      now.forced = true;
      await forceOff(parts.libvirt, parts.name);
      hurry.get(line)?.();
    }
    return ended;
  };
  const guest: Guest = {
    ...remote,
    ...(parts.workspace === undefined ? {} : { workspace: parts.workspace }),
    ended,
    stop({ graceMs }) {
      stopped ??= stop(graceMs).catch((error: unknown) => {
        // libvirt was away; whoever asks again gets another try.
        stopped = undefined;
        stopping = undefined;
        throw error;
      });
      return stopped;
    },
  };
  linesOf.set(guest, connect);
  return guest;
}

function channels(line: Line) {
  const connect: Connect = () => line.connect();
  const { exec, dial, sftp, listeningPorts } = guestOver(connect);
  return { connect, exec, dial, sftp, listeningPorts };
}

/** First the guest program; the power button is for a guest whose program does not answer. */
async function ask(parts: GuestParts, connect: Connect, ended: Promise<unknown>, ms: number): Promise<void> {
  const { libvirt, name, line } = parts;
  const until = Date.now() + ms;
  const told = shutdownGuest(connect).then(
    () => true,
    () => false,
  );
  if (!(await firstOf(told, Math.min(ms, ANSWER_MS)))) {
    if (await within(ended, 0)) return;
    await libvirt.attempt(['shutdown', name]);
  }
  // The end of the machine closes its line, and only then libvirt is asked.
  hurry.get(line)?.();
  await within(ended, until - Date.now());
}

const ANSWER_MS = 5_000;
const LOOK_MS = 10_000;
/** An end shows on the line before libvirt knows of it. */
const LOOK_QUICKLY_MS = 100;
const QUICK_LOOKS = 100;
/** Lets the follower of a line look more often, because an end is near. */
const hurry = new WeakMap<Line, () => void>();

type Over = { readonly reason: string; readonly lost: boolean };

/**
 * Resolves with the reason when the machine has ended. A libvirt that cannot be asked is no end, but without a line to
 * the machine either, nobody knows what has become of it; that is told when it `matters`.
 */
async function follow(
  { context, libvirt, name, places, line }: GuestParts,
  matters: () => boolean,
): Promise<Over> {
  const console = await readConsole(places.console);
  let wake = Promise.withResolvers<void>();
  let quickLooks = 0;
  let isLineLost = false;
  const look = (): void => {
    quickLooks = QUICK_LOOKS;
    wake.resolve();
  };
  line.onLost(() => {
    isLineLost = true;
    look();
  });
  hurry.set(line, look);
  for (;;) {
    const late = new AbortController();
    const pace = quickLooks > 0 ? LOOK_QUICKLY_MS : LOOK_MS;
    quickLooks -= 1;
    await Promise.race([delay(pace, undefined, { signal: late.signal }), wake.promise]);
    late.abort();
    wake = Promise.withResolvers<void>();
    for (const words of await console.read()) context.log(`console: ${words}`);
    const found = await conditionOf(libvirt, name).catch(messageOf);
    if (typeof found === 'string') {
      if (isLineLost && matters()) return { reason: found, lost: true };
      continue;
    }
    isLineLost = false;
    if (found.kind === 'running' || found.kind === 'paused') continue;
    const words = console.lastWords();
    const reason =
      found.kind === 'full' ? await endFull(libvirt, name, found) : `${reasonOf(found)}${quoted(words)}`;
    return { reason, lost: false };
  }
}

async function endFull(
  libvirt: Libvirt,
  name: string,
  { why }: Extract<Condition, { kind: 'full' }>,
): Promise<string> {
  // It stands still in any case, and whoever starts it again finds it so.
  await forceOff(libvirt, name).catch(() => undefined);
  return `${why}; make room and start it again`;
}

function reasonOf(condition: Condition): string {
  return condition.kind === 'off' ? condition.why : 'libvirt does not know the machine any more';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function quoted(words: string): string {
  return words === '' ? '' : `; its console ended with: ${words}`;
}

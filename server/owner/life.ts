// The guest of one owner over time: started or attached to, and attached to again when only the way to it broke.
import type { Condition } from '../core/backend.ts';
import { toSandboxError } from '../core/errors.ts';
import type { GuestEnd } from '../core/guest.ts';
import type { Ending } from './ending.ts';
import { attachGuest, inspectGuest, type Launch, type Live, resumeGuest, startGuest } from './launch.ts';
import type { StateFile } from './state.ts';

export type Mode = 'start' | 'attach';

/** How it began: with a guest, or with the news that there is none any more. */
export type Beginning =
  | { readonly kind: 'there' }
  | { readonly kind: 'ended'; readonly condition: Extract<Condition, 'stopped' | 'gone'> };

export type Life = {
  readonly begun: Promise<Beginning>;
  /** The guest as it is now; waits while there is none. */
  live(): Promise<Live>;
  /** Resolves when the guest has ended, not when only the way to it is broken. */
  readonly ended: Promise<GuestEnd>;
  /** What its driver has to be told about it. */
  launch(): Launch;
  /** Lets a guest go on that was found paused, and answers when it can be used. */
  wake(): Promise<void>;
};

export type LifeOptions = {
  readonly launch: Launch;
  readonly mode: Mode;
  readonly state: StateFile;
  readonly ending: Ending;
  /** Resolves when no operation on the guest is under way that may end it on purpose. */
  readonly idle: () => Promise<void>;
};

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** Attaching goes on when the end is asked for meanwhile, because only who is attached can stop a guest in order. */
const ATTACH_MS = 60_000;

export function beginLife(options: LifeOptions): Life {
  const { launch, mode } = options;
  const begun = Promise.withResolvers<Beginning>();
  const woken = Promise.withResolvers<void>();
  let live: Promise<Live> =
    mode === 'start' ? startGuest(launch) : attach(options, { begun, woken: woken.promise });
  live.then(
    () => begun.resolve({ kind: 'there' }),
    (error: unknown) => begun.reject(error),
  );
  // Whoever waits for one of these hears of it; nobody has to.
  live.catch(() => undefined);
  begun.promise.catch(() => undefined);
  let known = launch;
  const lookAfter = async (): Promise<GuestEnd> => {
    for (;;) {
      const { guest, ref } = await live;
      // A first start gave it one.
      known = { ...launch, record: { ...launch.record, ref: { ...ref } } };
      const end = await guest.ended;
      await options.idle();
      if (end.kind === 'stopped' || !outlives(launch) || options.ending.current() !== undefined) return end;
      const again = Promise.withResolvers<Live>();
      again.promise.catch(() => undefined);
      live = again.promise;
      const found = await regain({ ...options, launch: known }, end);
      if ('end' in found) {
        again.reject(found.cause ?? new Error(end.reason));
        return found.end;
      }
      again.resolve(found);
    }
  };
  const ended = lookAfter();
  ended.catch(() => undefined);
  return {
    begun: begun.promise,
    live: () => live,
    ended,
    launch: () => known,
    wake: async () => {
      woken.resolve();
      await live;
    },
  };
}

/** Whether the guests of this backend go on without their owner. */
export function outlives({ backend }: Pick<Launch, 'backend'>): boolean {
  return backend.manifest.capabilities.lifetime === 'external';
}

type Waiting = {
  readonly begun: PromiseWithResolvers<Beginning>;
  readonly woken: Promise<void>;
};

/** A guest that is paused is left so; nobody can talk to it until somebody lets it go on. */
async function attach({ launch, state, ending }: LifeOptions, { begun, woken }: Waiting): Promise<Live> {
  const condition = await patiently(launch, inspectGuest);
  if (condition === 'stopped' || condition === 'gone') {
    begun.resolve({ kind: 'ended', condition });
    return new Promise(() => {});
  }
  if (condition === 'running') return patiently(launch, attachGuest);
  await state.change({ state: 'paused' });
  begun.resolve({ kind: 'there' });
  await Promise.race([woken, ending.asked]);
  return attachPaused(launch);
}

async function attachPaused(launch: Launch): Promise<Live> {
  await patiently(launch, resumeGuest);
  return patiently(launch, attachGuest);
}

/** The signal of the launch ends with the request to stop, and one that only times out would end the guest later. */
async function patiently<T>(launch: Launch, work: (launch: Launch) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ATTACH_MS);
  try {
    return await work({ ...launch, signal: controller.signal });
  } finally {
    clearTimeout(timer);
  }
}

/** The engine may have restarted below its guests; then they are still there, or they are not. */
async function regain(
  { launch, state, ending }: LifeOptions,
  end: Extract<GuestEnd, { kind: 'died' }>,
): Promise<Live | { readonly end: GuestEnd; readonly cause?: unknown }> {
  const { log } = launch;
  log(`lost the guest: ${end.reason}`);
  if (end.lost === true) await state.change({ problem: end.reason });
  let pause = FIRST_PAUSE_MS;
  let cause: unknown;
  for (;;) {
    if (ending.current() !== undefined) return { end, cause };
    try {
      const condition = await patiently(launch, inspectGuest);
      if (condition === 'stopped' || condition === 'gone') return { end };
      const live =
        condition === 'running' ? await patiently(launch, attachGuest) : await attachPaused(launch);
      await state.change({ problem: undefined });
      log('attached again');
      return live;
    } catch (thrown) {
      cause = thrown;
      const { message } = toSandboxError(thrown);
      if (state.current().problem !== message) {
        log(`cannot reach the guest: ${message}`);
        await state.change({ problem: message });
      }
    }
    await Promise.race([new Promise(resolve => setTimeout(resolve, pause)), ending.asked]);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

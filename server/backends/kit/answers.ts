// The first answer of a guest that was just started: its program comes up in its own time, or ends before.
import { setTimeout as delay } from 'node:timers/promises';

export type Answering = {
  ping(): Promise<void>;
  /** Rejects with the reason when the guest has ended. */
  readonly ended: Promise<never>;
  /** Has to be done as well before the guest counts as there. */
  readonly settled?: Promise<void>;
  readonly retryMs: number;
  /** For ever, when it is left out: an end is told by `ended`. */
  readonly patienceMs?: number;
};

/** Resolves when the guest answers. */
export async function answers(answering: Answering, signal: AbortSignal): Promise<void> {
  const { ended, settled, retryMs, patienceMs = Number.POSITIVE_INFINITY } = answering;
  let over = false;
  const interrupted = Promise.withResolvers<never>();
  const onAbort = (): void => interrupted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  // Whoever waits hears of them in the race, and nobody else does.
  ended.catch(() => undefined);
  interrupted.promise.catch(() => undefined);
  const deadline = Date.now() + patienceMs;
  const ping = async (): Promise<void> => {
    for (;;) {
      try {
        return await answering.ping();
      } catch (error) {
        if (over || Date.now() > deadline) throw error;
        await delay(retryMs);
      }
    }
  };
  try {
    signal.throwIfAborted();
    await Promise.race([Promise.all([ping(), settled]), ended, interrupted.promise]);
    signal.throwIfAborted();
  } finally {
    over = true;
    signal.removeEventListener('abort', onAbort);
  }
}

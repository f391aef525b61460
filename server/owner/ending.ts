// The one way in which a run ends, whoever asks first and however many ask.

/** How it ended, as the record keeps it. */
export type End = {
  readonly kind: 'stopped' | 'failed';
  readonly reason: string;
  /** The sandbox goes with its guest, because whoever it was made for has left. */
  readonly intent?: 'removed';
};

export type AskedEnd = End & { readonly graceMs: number };

export type Ending = {
  ask(end: End, graceMs: number): void;
  readonly asked: Promise<AskedEnd>;
  /** Aborted with the first who asks. */
  readonly signal: AbortSignal;
  current(): AskedEnd | undefined;
};

export function createEnding(): Ending {
  const asked = Promise.withResolvers<AskedEnd>();
  const controller = new AbortController();
  let current: AskedEnd | undefined;
  return {
    ask: (end, graceMs) => {
      if (current !== undefined) return;
      current = { ...end, graceMs };
      asked.resolve(current);
      controller.abort();
    },
    asked: asked.promise,
    signal: controller.signal,
    current: () => current,
  };
}

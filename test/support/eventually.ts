// Waits for something to become true by looking again and again, and says what it last saw when it never does.

export type EventuallyOptions = {
  readonly withinMs?: number;
  readonly everyMs?: number;
  readonly what?: string;
};

/** Repeats the check until it stops throwing and gives something other than false or undefined. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { withinMs = 20_000, everyMs = 25, what = 'it' }: EventuallyOptions = {},
): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`${what} did not happen within ${withinMs} ms; last: ${String(last)}`);
    await new Promise(resolve => setTimeout(resolve, everyMs));
  }
}

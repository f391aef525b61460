// Waits for an event, but not for ever.

/** True when it happens in time. */
export async function within(event: Promise<unknown>, ms: number): Promise<boolean> {
  return firstOf(
    event.then(() => true),
    ms,
  );
}

/** What it says, or false when it says nothing in time. */
export async function firstOf(event: Promise<boolean>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), Math.max(0, ms));
  try {
    return await Promise.race([event, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

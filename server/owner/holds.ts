// Keeps an attached sandbox alive exactly as long as somebody holds it.
import type { Duplex } from 'node:stream';

/** How long the client that asked for the sandbox has to take hold of it. */
const FIRST_HOLD_MS = 10_000;

export type Holds = {
  /** Counts until the stream ends. */
  add(stream: Duplex): void;
  /** Nobody needs to hold it any more. */
  release(): void;
  /** The guest is there; from now on somebody has to hold it. */
  begin(): void;
};

export function createHolds(onAbandoned: () => Promise<void>): Holds {
  const held = new Set<Duplex>();
  let needed = true;
  let first: NodeJS.Timeout | undefined;
  const look = (): void => {
    if (needed && held.size === 0) void onAbandoned();
  };
  return {
    add: stream => {
      clearTimeout(first);
      held.add(stream);
      const drop = (): void => {
        if (held.delete(stream)) look();
      };
      stream.once('end', drop);
      stream.once('close', drop);
      stream.once('error', drop);
      stream.resume();
    },
    release: () => {
      needed = false;
      clearTimeout(first);
    },
    begin: () => {
      if (needed && held.size === 0) first = setTimeout(look, FIRST_HOLD_MS);
    },
  };
}

// Turns the signals that reach the command line into cancellation, or hands them to a command that passes them on.
import type { SignalName } from '../protocol/exec.ts';

export type Interrupts = {
  /** Aborted by the first signal, unless a command has taken the signals over. */
  readonly signal: AbortSignal;
  /** From now on signals go to `receive`; the answer gives them back. */
  divert(receive: (name: SignalName) => void): () => void;
};

const watched = { SIGINT: 'INT', SIGTERM: 'TERM', SIGHUP: 'HUP', SIGQUIT: 'QUIT' } as const;

/** The exit code of a command that ended because of a signal to it. */
export const INTERRUPTED = 130;

export function watchInterrupts(): Interrupts {
  const controller = new AbortController();
  let receiver: ((name: SignalName) => void) | undefined;
  for (const name of Object.keys(watched) as (keyof typeof watched)[]) {
    process.on(name, () => {
      if (receiver !== undefined) receiver(watched[name]);
      // The second signal is a person who does not want to wait for the tidy end.
      else if (controller.signal.aborted) process.exit(INTERRUPTED);
      else controller.abort();
    });
  }
  return {
    signal: controller.signal,
    divert: receive => {
      receiver = receive;
      return () => {
        receiver = undefined;
      };
    },
  };
}

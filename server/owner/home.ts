// Notices that a sandbox was removed from under its owner, which nobody could find any more and would live for ever.
import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Calls back at most once, as soon as there is no record; costs nothing while nothing happens. */
export function watchHome(record: string, onGone: () => void): { dispose(): void } {
  let watcher: FSWatcher | undefined;
  const dispose = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  const look = (): void => {
    if (watcher === undefined || isThere(record)) return;
    dispose();
    onGone();
  };
  try {
    watcher = watch(dirname(record), { persistent: false }, event => {
      // Every line of the log is a change; what is removed or gets another name is told apart from that.
      if (event === 'rename') look();
    });
    watcher.on('error', look);
  } catch {
    // The system has a limit for watchers; without one the sandbox ends when it is stopped.
  }
  return { dispose };
}

/**
 * A record that was set aside, or that an editor has under another name for a moment, is still one. The folder says
 * less: while a guest has a part of it mounted, the system tells nobody that it was removed.
 */
function isThere(record: string): boolean {
  try {
    return readdirSync(dirname(record)).some(name => name.startsWith(basename(record)));
  } catch {
    // Without the folder there is nothing in it.
    return false;
  }
}

// Notices that a sandbox's folder is gone: an owner without one could be found by nobody and would live for ever.
import { existsSync, type FSWatcher, watch } from 'node:fs';

/** Calls back at most once, as soon as there is no such folder; costs nothing while nothing happens. */
export function watchHome(folder: string, onGone: () => void): { dispose(): void } {
  let watcher: FSWatcher | undefined;
  const dispose = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  const look = (): void => {
    if (watcher === undefined || existsSync(folder)) return;
    dispose();
    onGone();
  };
  try {
    watcher = watch(folder, { persistent: false }, event => {
      // Every line of the log is a change; only what is named anew or removed can be the folder itself.
      if (event === 'rename') look();
    });
    watcher.on('error', look);
  } catch {
    // The system has a limit for watchers; without one the sandbox ends when it is stopped.
  }
  return { dispose };
}

// Fills the process table of a guest as a fork bomb does, with processes that can be recognised from outside.
import type { Guest } from '../../server/core/guest.ts';

/** Returns at once; the bomb goes on inside. */
export async function fillProcesses(guest: Guest, mark: string): Promise<void> {
  const script = `
import os, sys
while True:
    try:
        if os.fork() == 0:
            os.execvp('sleep', ['sleep', '${mark}'])
    except OSError:
        pass
`;
  await guest.exec({ argv: ['python3', '-c', script] });
}

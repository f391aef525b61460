// Keeps a running guest alive when something of ours fails where nobody listens.
import type { Log } from './log.ts';

/** What a defect in one connection may end is that connection, not the work of everybody in the guest. */
export function outliveDefects(log: Log): void {
  process.on('uncaughtException', (error, origin) => {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log(`defect (${origin}): ${trace}`);
  });
}

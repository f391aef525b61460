// Clients that go away while they are given more than they read: what they started ends as a whole.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { GuestProcess } from '../../server/core/guest.ts';
import { connect, listen } from '../../server/platform/sockets.ts';
import { relayProcess } from '../../server/wire/relayProcess.ts';
import { eventually } from '../support/eventually.ts';

describe('a client that leaves without reading', () => {
  it('lets the program’s outputs flow off, so that its end is known', async () => {
    const folder = await mkdtemp('/tmp/heyvm-leaving-');
    const accepted = Promise.withResolvers<Socket>();
    const server = await listen(join(folder, 'socket'), accepted.resolve);
    const client = (await connect(join(folder, 'socket'))).pause();
    try {
      const program = endless();
      const served = await accepted.promise;
      served.on('error', () => {});
      const relayed = relayProcess(served, program);
      await eventually(() => program.stdout.isPaused(), { what: 'a client that is given too much' });
      client.destroy();
      await relayed;
      assert.equal((await program.exited).kind, 'signalled');
    } finally {
      client.destroy();
      server.close();
      await rm(folder, { recursive: true });
    }
  });
});

/** Writes as long as it lives, and counts as ended when all that it wrote was taken. */
function endless(): GuestProcess {
  const child = spawn('yes', { stdio: 'pipe' });
  return {
    stdin: child.stdin,
    stdout: child.stdout.pipe(new PassThrough()),
    stderr: child.stderr,
    exited: once(child, 'close').then(() => ({ kind: 'signalled', signal: 'KILL' })),
    signal: async () => {},
    resize: async () => {},
    hangUp: () => void child.kill('SIGKILL'),
  };
}

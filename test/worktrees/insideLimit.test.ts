// Git inside that writes too much: it is ended, and not left to run.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { GuestProcess } from '../../server/core/guest.ts';
import { insideOf } from '../../server/worktrees/inside.ts';

describe('git inside that writes too much', () => {
  it('is ended, and told to have written too much', async () => {
    const child = spawn('sh', ['-c', 'head -c 70000000 /dev/zero; exec sleep 1000'], { stdio: 'pipe' });
    const ended = once(child, 'exit');
    const running: GuestProcess = {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exited: ended.then(() => ({ kind: 'signalled', signal: 'KILL' })),
      signal: async name => void child.kill(`SIG${name}` as NodeJS.Signals),
      resize: async () => {},
      hangUp: () => {},
    };
    await assert.rejects(insideOf({ exec: async () => running })(['git', 'log']), {
      code: 'guest-failed',
      message: /wrote more than/,
    });
    assert.deepEqual(await ended, [null, 'SIGKILL']);
  });
});

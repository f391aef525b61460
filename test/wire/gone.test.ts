// What becomes of programs and callers when the guest program itself ends.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect } from '../../server/platform/sockets.ts';
import { guestOver } from '../../server/wire/client.ts';
import { skipWithoutProgram, startBench } from './guestProgram.ts';

describe('a guest that is gone', () => {
  it('answers with not-running, and its programs count as hung up', async function () {
    skipWithoutProgram(this);
    const bench = await startBench();
    try {
      const started = await bench.chained.exec({ argv: ['sleep', '1000'], cwd: '/tmp' });
      bench.program.kill('SIGKILL');
      await once(bench.program, 'exit');
      assert.deepEqual(await started.exited, { kind: 'signalled', signal: 'HUP' });
      const silent = guestOver(async () => {
        const socket = await connect(bench.serverSocket);
        socket.destroy();
        return socket;
      });
      await assert.rejects(silent.ping(), { code: 'not-running' });
    } finally {
      await bench.close();
    }
  });

  it('ends its programs first when it is asked to stop', async function () {
    skipWithoutProgram(this);
    const bench = await startBench();
    try {
      const started = await bench.direct.exec({
        argv: ['sh', '-c', 'trap "exit 9" TERM; echo; sleep 1000 & wait'],
        cwd: '/tmp',
      });
      await once(started.stdout, 'data');
      bench.program.kill('SIGTERM');
      const [code] = await once(bench.program, 'exit');
      assert.equal(code, 0);
      assert.notDeepEqual(await started.exited, { kind: 'exited', code: 0 });
    } finally {
      await bench.close();
    }
  });
});

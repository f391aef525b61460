// Contract: programs run as they were asked for, and end as they did.
import { strict as assert } from 'node:assert';
import { Buffer } from 'node:buffer';
import { runIn, succeeded } from '../bench.ts';
import { caseFor, signals } from '../claims.ts';
import type { Subject } from '../suite.ts';

export function execCases(subject: Subject): void {
  const { bench, here } = subject;
  const signalled = caseFor(subject, signals);
  describe('programs', () => {
    for (const code of [0, 1, 7, 125, 255]) {
      it(`end with code ${code} when they say so`, async () => {
        const { guest } = await bench().start();
        const told = here().exec.codes === 'success' ? Math.min(code, 1) : code;
        assert.deepEqual((await runIn(guest, `exit ${code}`)).status, { kind: 'exited', code: told });
      });
    }

    signalled('end by a signal when one kills them', async () => {
      const { guest } = await bench().start();
      assert.deepEqual((await runIn(guest, 'kill -KILL $$; sleep 5')).status, {
        kind: 'signalled',
        signal: 'KILL',
      });
    });

    it('have two outputs that stay apart', async () => {
      const { guest } = await bench().start();
      const outcome = await runIn(guest, 'echo one; echo two >&2');
      assert.deepEqual(outcome, { status: succeeded, stdout: 'one\n', stderr: 'two\n' });
    });

    it('start in the workspace, or in the folder that is asked for', async () => {
      const { guest } = await bench().start();
      assert.equal((await runIn(guest, ['pwd'])).stdout, '/workspace\n');
      assert.equal((await runIn(guest, ['pwd'], { cwd: '/tmp' })).stdout, '/tmp\n');
    });

    it('are refused when the folder does not exist', async () => {
      const { guest } = await bench().start();
      await assert.rejects(guest.exec({ argv: ['true'], cwd: '/no/such/folder' }), {
        code: 'path-not-found',
      });
    });

    it('are refused when they do not exist', async () => {
      const { guest } = await bench().start();
      await assert.rejects(guest.exec({ argv: ['no-such-program'] }), { code: 'path-not-found' });
      await assert.rejects(guest.exec({ argv: ['/no/such/program'] }), { code: 'path-not-found' });
    });

    it('get the arguments unchanged, whatever is in them', async () => {
      const { guest } = await bench().start();
      const strange = ['a b', '$HOME', '`id`', ';', "'", '"', '*', '\\', 'é€😀', '-n'];
      assert.equal((await runIn(guest, ['echo', 'x', ...strange])).stdout, `x ${strange.join(' ')}\n`);
    });

    it('get the environment of the guest, of the sandbox and of the request, the last one winning', async () => {
      const { guest, request } = await bench().start({ env: { FIRST: 'sandbox', SECOND: 'sandbox' } });
      const value = async (name: string): Promise<string> =>
        (await runIn(guest, ['printenv', name], { env: { SECOND: 'request', THIRD: 'é ü' } })).stdout;
      assert.equal(await value('WORKSPACE'), '/workspace\n');
      assert.equal(await value('HEYVM_SANDBOX'), `${request.name}\n`);
      assert.equal(await value('FIRST'), 'sandbox\n');
      assert.equal(await value('SECOND'), 'request\n');
      assert.equal(await value('THIRD'), 'é ü\n');
    });

    it('get nothing of the environment of whoever started the guest', async () => {
      process.env['HEYVM_TEST_SECRET'] = 'secret';
      try {
        const { guest } = await bench().start();
        assert.deepEqual((await runIn(guest, ['printenv', 'HEYVM_TEST_SECRET'])).status, {
          kind: 'exited',
          code: 1,
        });
      } finally {
        delete process.env['HEYVM_TEST_SECRET'];
      }
    });

    it('run side by side', async () => {
      const { guest } = await bench().start();
      const numbers = Array.from({ length: 12 }, (_, index) => String(index));
      const outcomes = await Promise.all(numbers.map(number => runIn(guest, ['echo', number])));
      assert.deepEqual(
        outcomes.map(({ stdout }) => stdout.trim()),
        numbers,
      );
    });

    it('keep what they write to the guest for the next one', async () => {
      const { guest } = await bench().start();
      await runIn(guest, 'echo kept >/tmp/kept');
      assert.equal((await runIn(guest, ['cat', '/tmp/kept'])).stdout, 'kept\n');
    });

    signalled('are reached by signals', async () => {
      const { guest } = await bench().start();
      for (const signal of ['TERM', 'INT', 'KILL', 'HUP'] as const) {
        const child = await guest.exec({ argv: ['sleep', '1000'] });
        await child.signal(signal);
        assert.deepEqual(await child.exited, { kind: 'signalled', signal });
      }
    });

    signalled('can be signalled after their end, which is no error', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['true'] });
      await child.exited;
      await child.signal('TERM');
    });

    it('end when nobody wants them any more', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['sleep', '1000'] });
      child.hangUp();
      assert.notEqual(await child.exited, undefined);
    });

    for (const runtime of ['python', 'node'] as const) {
      caseFor(subject, { what: runtime, of: ({ runtimes }) => runtimes.includes(runtime) })(
        `run in ${runtime} when that runtime is there`,
        async () => {
          const { guest } = await bench().start({ runtime });
          const argv = runtime === 'python' ? ['python3', '-c', 'print(2 + 2)'] : ['node', '-p', '2 + 2'];
          assert.equal((await runIn(guest, argv)).stdout, '4\n');
        },
      );
    }

    it('can be large in number of arguments', async () => {
      const { guest } = await bench().start();
      const many = Array.from({ length: 2_000 }, () => 'argument');
      assert.equal(Buffer.byteLength((await runIn(guest, ['echo', ...many])).stdout), 2_000 * 9);
    });
  });
}

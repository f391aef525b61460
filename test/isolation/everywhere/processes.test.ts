// Attacks from inside any guest on processes of the host, and on the guest's own keeper.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { makeBench, runIn } from '../../contract/bench.ts';
import { eventually } from '../../support/eventually.ts';
import { declareGate } from '../support/tally.ts';
import { type Attack, asStrongest, holds, prisons, whyNot, withTarget } from '../support/target.ts';

const MARK = `77${process.pid}77`;

const attacks: readonly Attack[] = [
  {
    what: 'the words of its processes',
    script: "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '",
    marker: MARK,
  },
  {
    what: 'the environment of its processes',
    script: "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'",
    marker: `HEYVM_TEST_MARK=${MARK}`,
  },
  {
    what: 'signals to it',
    script: 'kill -0 "$PID" 2>/dev/null && tr "\\0" " " <"/proc/$PID/cmdline" 2>/dev/null | grep -o "$MARK"',
    marker: MARK,
  },
];

describe('isolation everywhere: processes', function () {
  this.timeout(120_000);
  let victim: ChildProcess;

  before(() => {
    victim = spawn('sleep', [MARK], { env: { ...process.env, HEYVM_TEST_MARK: MARK }, stdio: 'ignore' });
  });
  after(() => void victim.kill('SIGKILL'));

  for (const backend of prisons()) {
    describe(backend.manifest.id, () => {
      const names = () => ({ PID: String(victim.pid), MARK });
      const target = withTarget(backend, { names });

      for (const attack of attacks) {
        it(`${attack.what} do not reach the host`, () => holds(target(), attack, names()));
      }

      it('killing everything ends nothing of the host, and the guest can be stopped or has ended', async function () {
        const why = await whyNot(backend);
        if (why !== undefined) return this.skip();
        const bench = await makeBench(backend);
        try {
          const { guest, ref } = await bench.start(asStrongest(backend));
          void runIn(guest, 'kill -9 -1; cd /proc; for p in [0-9]*; do kill -9 $p; done').catch(() => {
            // The answer may be lost with the guest.
          });
          void runIn(guest, 'kill -9 1; echo o >/proc/sysrq-trigger; reboot -f; poweroff -f').catch(() => {
            // The same.
          });
          await Promise.race([guest.ended, new Promise(resolve => setTimeout(resolve, 3_000))]);
          assert.equal(victim.exitCode ?? victim.signalCode, null);
          const end = await guest.stop({ graceMs: 500 });
          assert.ok(['stopped', 'died'].includes(end.kind));
          await eventually(async () => (await bench.driver.inspect(bench.context, ref)) === 'stopped');
        } finally {
          await bench.dispose();
        }
      });
    });
  }
  declareGate(attacks.length);
});

// Contract: a limit that is claimed as hard holds for the guest as a whole, and one that is not claimed is a gap.
import { strict as assert } from 'node:assert';
import { gapsOf } from '../../../server/core/conform.ts';
import { networkModes } from '../../../server/protocol/backend.ts';
import { runIn, succeeded } from '../bench.ts';
import { both, type Claim, caseFor, python } from '../claims.ts';
import type { Subject } from '../suite.ts';

const asked = { network: 'none', limits: {}, type: 'general' } as const;

export function limitCases(subject: Subject): void {
  const { bench, here } = subject;
  const hard = (name: 'cpus' | 'memory' | 'pids'): Claim => ({
    what: `a hard ${name} limit`,
    of: ({ resources }) => resources[name] === 'hard',
  });
  const anyMemory: Claim = { what: 'a memory limit', of: ({ resources }) => resources.memory !== 'none' };
  describe('limits', () => {
    caseFor(subject, hard('pids'))('on processes stop a guest that only wants more', async () => {
      const { guest } = await bench().start({ limits: { pids: 20 } });
      const { stdout, stderr } = await runIn(
        guest,
        'for i in $(seq 60); do sleep 30 & done; echo unreachable',
      );
      assert.doesNotMatch(stdout, /unreachable/);
      assert.match(stderr, /fork/i);
    });

    caseFor(subject, both(anyMemory, python))('on memory stop a guest that takes too much', async () => {
      const { guest } = await bench().start({ limits: { memory: 96 * 1024 * 1024 }, runtime: 'python' });
      const takes = (megabytes: number) => runIn(guest, ['python3', '-c', `x = b'x' * (${megabytes} << 20)`]);
      assert.deepEqual((await takes(16)).status, succeeded);
      assert.notDeepEqual((await takes(256)).status, succeeded);
    });

    caseFor(subject, hard('memory'))('on memory count what lies in temporary folders', async () => {
      const { guest } = await bench().start({ limits: { memory: 64 * 1024 * 1024 } });
      assert.notDeepEqual((await runIn(guest, 'head -c 200000000 /dev/zero >/tmp/big')).status, succeeded);
    });

    caseFor(subject, both(hard('cpus'), python))(
      'on processors keep a guest from taking more time than its share',
      async () => {
        const { guest } = await bench().start({ limits: { cpus: 0.2 }, runtime: 'python' });
        const script = `
import time
begin = time.monotonic(), time.process_time()
while time.process_time() - begin[1] < 0.3: pass
print((time.monotonic() - begin[0]) / 0.3)`;
        const ratio = Number((await runIn(guest, ['python3', '-c', script])).stdout);
        // Without a limit this is close to one, and with it close to five; a busy machine only makes it larger.
        assert.ok(ratio > 2, `took ${ratio} seconds for a second of work`);
      },
    );

    for (const name of ['cpus', 'memory', 'pids', 'wall'] as const) {
      it(`on ${name} are a gap exactly when nothing enforces them`, () => {
        const gaps = gapsOf(here(), { ...asked, limits: { [name]: 1 } });
        assert.equal(gaps.length, here().resources[name] === 'none' ? 1 : 0);
      });
    }

    for (const mode of networkModes) {
      it(`on the network to ${mode} are a gap exactly when they are not claimed`, () => {
        const gaps = gapsOf(here(), { ...asked, network: mode });
        assert.equal(gaps.length, here().network.includes(mode) ? 0 : 1);
      });
    }
  });
}

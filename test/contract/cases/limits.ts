// Contract: a limit that is claimed as hard holds for the guest as a whole, and one that is not claimed is a gap.
import { strict as assert } from 'node:assert';
import { gapsOf } from '../../../server/core/conform.ts';
import { networkModes } from '../../../server/protocol/backend.ts';
import { runIn, succeeded } from '../bench.ts';
import type { Subject } from '../suite.ts';

const asked = { network: 'none', limits: {}, runtime: 'shell', type: 'general' } as const;

export function limitCases({ bench, here }: Subject): void {
  describe('limits', () => {
    it('on processes stop a guest that only wants more', async function () {
      if (here().resources.pids !== 'hard') return this.skip();
      const { guest } = await bench().start({ limits: { pids: 20 } });
      const { stdout, stderr } = await runIn(
        guest,
        'for i in $(seq 60); do sleep 30 & done; echo unreachable',
      );
      assert.doesNotMatch(stdout, /unreachable/);
      assert.match(stderr, /fork/i);
    });

    it('on memory stop a guest that takes too much', async function () {
      if (here().resources.memory === 'none' || !here().runtimes.includes('python')) return this.skip();
      const { guest } = await bench().start({ limits: { memory: 96 * 1024 * 1024 }, runtime: 'python' });
      const takes = (megabytes: number) => runIn(guest, ['python3', '-c', `x = b'x' * (${megabytes} << 20)`]);
      assert.deepEqual((await takes(16)).status, succeeded);
      assert.notDeepEqual((await takes(256)).status, succeeded);
    });

    it('on memory count what lies in temporary folders', async function () {
      if (here().resources.memory !== 'hard') return this.skip();
      const { guest } = await bench().start({ limits: { memory: 64 * 1024 * 1024 } });
      assert.notDeepEqual((await runIn(guest, 'head -c 200000000 /dev/zero >/tmp/big')).status, succeeded);
    });

    it('on processors keep a guest from taking more time than its share', async function () {
      if (here().resources.cpus !== 'hard' || !here().runtimes.includes('python')) return this.skip();
      const { guest } = await bench().start({ limits: { cpus: 0.2 }, runtime: 'python' });
      const script = `
import time
begin = time.monotonic(), time.process_time()
while time.process_time() - begin[1] < 0.3: pass
print((time.monotonic() - begin[0]) / 0.3)`;
      const ratio = Number((await runIn(guest, ['python3', '-c', script])).stdout);
      // Without a limit this is close to one, and with it close to five; a busy machine only makes it larger.
      assert.ok(ratio > 2, `took ${ratio} seconds for a second of work`);
    });

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

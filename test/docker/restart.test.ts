// An engine that goes away under its containers: the truth is told, and the same commands work when it is back.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dockerd, startDockerd, whyNoDockerd } from '../../scripts/lib/daemons/dockerd.ts';
import { docker } from '../../server/backends/docker/index.ts';
import type { GuestEnd } from '../../server/core/guest.ts';
import { type Bench, makeBench, runIn, succeeded } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { groundOf } from '../support/grounds.ts';

for (const flags of [[], ['--live-restore']] as const) {
  describe(`an engine that goes away, ${flags.length === 0 ? 'and its containers with it' : 'and its containers stay'}`, function () {
    this.timeout(180_000);
    const survives = flags.length > 0;
    let folder = '';
    let engine: Dockerd | undefined;
    let bench: Bench | undefined;

    before(async function () {
      const why = whyNoDockerd() ?? (await reasonOf());
      if (why !== undefined) {
        console.log(`not run: an engine that goes away: ${why}`);
        return this.skip();
      }
      folder = mkdtempSync(join(tmpdir(), 'hvd-'));
      engine = await startDockerd({ folder: join(folder, 'd'), flags });
    });

    after(async () => {
      await engine?.end();
      if (folder !== '') rmSync(folder, { recursive: true, force: true });
    });

    afterEach(async () => {
      await bench?.dispose();
      bench = undefined;
    });

    const started = async () => {
      const made = await makeBench(docker);
      const options = { connect: `unix://${engine!.socket}` };
      // Everything goes to the engine of this suite.
      bench = { ...made, context: { ...made.context, options } };
      return made.start({ options });
    };

    it('is told as such, or as nothing when the guest goes on', async () => {
      const { guest, ref, request } = await started();
      await runIn(guest, 'echo before >~/kept');
      await engine!.kill();
      const { driver, context } = bench!;
      await assert.rejects(driver.inspect(context, ref), { code: 'backend-missing' });
      await assert.rejects(driver.destroy(context, ref), { code: 'backend-missing' });
      await engine!.start();
      if (survives) {
        await eventually(async () => (await runIn(guest, ['true'])).status.kind === 'exited');
        assert.equal(await driver.inspect(context, ref), 'running');
        assert.deepEqual((await runIn(guest, 'cat ~/kept')).stdout, 'before\n');
        const next = await driver.open(context, ref, request);
        assert.deepEqual((await runIn(next, ['true'])).status, succeeded);
        assert.equal((await guest.stop({ graceMs: 5_000 })).kind, 'stopped');
        return;
      }
      const end = await guest.ended;
      assert.match(end.kind === 'died' ? end.reason : '', /engine was stopped or restarted/);
      assert.equal(await driver.inspect(context, ref), 'stopped');
      const again = await driver.open(context, ref, request);
      assert.equal((await runIn(again, 'cat ~/kept')).stdout, 'before\n');
    });

    it('keeps a stop from being done, which can be repeated', async () => {
      const { guest, ref } = await started();
      await engine!.kill();
      await assert.rejects(guest.stop({ graceMs: 100 }), { code: 'backend-missing' });
      await engine!.start();
      // One that takes its containers along ends what is left of them when it comes back, before it hears of any stop.
      const ended: GuestEnd = survives ? { kind: 'stopped', forced: false } : await guest.ended;
      if (ended.kind === 'died') assert.match(ended.reason, /engine was stopped or restarted/);
      else assert.ok(survives);
      assert.deepEqual(await guest.stop({ graceMs: 5_000 }), ended);
      assert.equal(await bench!.driver.inspect(bench!.context, ref), 'stopped');
    });
  });
}

/** The image comes from the same place as that of all other suites. */
async function reasonOf(): Promise<string | undefined> {
  const ground = await groundOf(docker);
  return ground.kind === 'not run' ? ground.why : undefined;
}

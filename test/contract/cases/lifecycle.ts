// Contract: create, open, stop, inspect and destroy, in every order that happens, leaving nothing.
import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { eventually } from '../../support/eventually.ts';
import { makeBench, runIn, succeeded } from '../bench.ts';
import { caseFor, signals } from '../claims.ts';
import type { Subject } from '../suite.ts';

export function lifecycleCases(subject: Subject): void {
  const { backend, bench } = subject;
  const signalled = caseFor(subject, signals);
  describe('life of a sandbox', () => {
    it('is gone before it is created, stopped after, running when opened, stopped again, gone in the end', async () => {
      const { driver, context, request } = bench();
      const seen = [await driver.inspect(context, { version: 1 })];
      const ref = await driver.create(context, request());
      seen.push(await driver.inspect(context, ref));
      const guest = await driver.open(context, ref, request());
      seen.push(await driver.inspect(context, ref));
      await guest.stop({ graceMs: 5_000 });
      seen.push(await driver.inspect(context, ref));
      await driver.destroy(context, ref);
      seen.push(await driver.inspect(context, ref));
      assert.deepEqual(seen, ['gone', 'stopped', 'running', 'stopped', 'gone']);
    });

    it('gives the same reference for the same sandbox, and it survives JSON', async () => {
      const { driver, context, request } = bench();
      const first = await driver.create(context, request());
      const second = await driver.create(context, request());
      assert.deepEqual(second, first);
      const guest = await driver.open(context, JSON.parse(JSON.stringify(first)), request());
      assert.deepEqual((await runIn(guest, ['true'])).status, succeeded);
      await guest.stop({ graceMs: 5_000 });
    });

    it('can be started again after a stop', async () => {
      const { guest } = await bench().start();
      await guest.stop({ graceMs: 5_000 });
      const again = await bench().start();
      assert.equal((await runIn(again.guest, 'echo again')).stdout, 'again\n');
    });

    it('stops without force when programs end on request', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['sleep', '1000'] });
      assert.deepEqual(await guest.stop({ graceMs: 10_000 }), { kind: 'stopped', forced: false });
      // Its last frame may be lost with the guest; that it is over must not be.
      assert.equal((await child.exited).kind, 'signalled');
    });

    signalled('forces programs that do not end on request, and says so', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({
        argv: ['/bin/sh', '-c', "trap '' TERM HUP INT; echo ready; sleep 1000; sleep 1000"],
      });
      await once(child.stdout);
      assert.deepEqual(await guest.stop({ graceMs: 200 }), { kind: 'stopped', forced: true });
    });

    it('stops at once without grace', async () => {
      const { guest } = await bench().start();
      await guest.exec({ argv: ['sleep', '1000'] });
      assert.equal((await guest.stop({ graceMs: 0 })).kind, 'stopped');
    });

    it('answers a repeated stop as it answered the first, and says that it ended', async () => {
      const { guest } = await bench().start();
      const [first, second] = await Promise.all([guest.stop({ graceMs: 5_000 }), guest.stop({ graceMs: 0 })]);
      assert.deepEqual(second, first);
      assert.deepEqual(await guest.stop({ graceMs: 0 }), first);
      assert.deepEqual(await guest.ended, first);
    });

    it('refuses programs once it is stopped', async () => {
      const { guest } = await bench().start();
      await guest.stop({ graceMs: 5_000 });
      await assert.rejects(guest.exec({ argv: ['true'] }), { code: 'not-running' });
    });

    it('is not opened when the start was cancelled before', async () => {
      const cancelled = new AbortController();
      const other = await makeBench(backend, cancelled.signal);
      try {
        const ref = await other.driver.create(other.context, other.request());
        cancelled.abort();
        await assert.rejects(other.driver.open(other.context, ref, other.request()), { name: 'AbortError' });
        assert.equal(await other.driver.inspect(other.context, ref), 'stopped');
      } finally {
        await other.dispose();
      }
    });

    it('leaves no guest when the start is cancelled at any moment', async () => {
      for (const delayMs of [0, 2, 5, 10, 20]) {
        const cancelled = new AbortController();
        const other = await makeBench(backend, cancelled.signal);
        try {
          const ref = await other.driver.create(other.context, other.request());
          setTimeout(() => cancelled.abort(), delayMs);
          const opened = await other.driver.open(other.context, ref, other.request()).then(
            guest => guest,
            () => undefined,
          );
          const expected = opened === undefined ? 'stopped' : 'running';
          await eventually(async () => (await other.driver.inspect(other.context, ref)) === expected);
          await opened?.stop({ graceMs: 0 });
        } finally {
          await other.dispose();
        }
      }
    });

    it('runs beside another sandbox that does not see it', async () => {
      const other = await makeBench(backend);
      try {
        const [left, right] = await Promise.all([bench().start(), other.start()]);
        await runIn(left.guest, 'echo left >/tmp/side');
        assert.notDeepEqual((await runIn(right.guest, 'test -e /tmp/side')).status, succeeded);
      } finally {
        await other.dispose();
      }
    });

    it('is destroyed while it runs, and a second time, without residues', async () => {
      const { driver, context } = bench();
      const { guest, ref } = await bench().start();
      assert.deepEqual(await driver.destroy(context, ref), []);
      assert.notEqual((await guest.ended).kind, undefined);
      assert.deepEqual(await driver.destroy(context, ref), []);
      assert.equal(existsSync(context.state), false);
    });

    it('is destroyed although it was never created', async () => {
      const { driver, context } = bench();
      assert.deepEqual(await driver.destroy(context, { version: 1 }), []);
    });

    it('is left alone by a sweep that counts it among the living', async () => {
      const { driver, context, request } = bench();
      const { guest } = await bench().start({ limits: {} });
      await driver.sweep(context, new Set([request().id]));
      // One that ends with its owner has one as long as it runs, whatever the records say.
      if (backend.manifest.capabilities.lifetime === 'owned') await driver.sweep(context, new Set());
      assert.deepEqual((await runIn(guest, ['true'])).status, succeeded);
    });
  });
}

async function once(stream: NodeJS.ReadableStream): Promise<void> {
  for await (const _ of stream) return;
}

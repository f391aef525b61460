// Contract: standing still, being written to disk, being kept and copied; each for those who claim it.
import { strict as assert } from 'node:assert';
import { makeBench, runIn, succeeded } from '../bench.ts';
import { type Claim, caseFor } from '../claims.ts';
import type { Subject } from '../suite.ts';

const pausing: Claim = { what: 'pausing', of: ({ pause }) => pause };
const suspending: Claim = { what: 'suspending', of: ({ suspend }) => suspend === true };
const snapshots: Claim = { what: 'snapshots', of: ({ snapshots: kind }) => kind !== 'none' };

export function momentCases(subject: Subject): void {
  describe('moments of a sandbox', () => {
    it('has a driver with exactly the facets that the manifest promises', async () => {
      const { capabilities } = subject.backend.manifest;
      const driver = await subject.backend.load();
      assert.equal(driver.pausing !== undefined, pausing.of(capabilities));
      assert.equal(driver.suspending !== undefined, suspending.of(capabilities));
      assert.equal(driver.snapshots !== undefined, snapshots.of(capabilities));
      assert.equal(driver.halt !== undefined, capabilities.lifetime === 'external');
    });

    pauseCases(subject);
    suspendCases(subject);
    snapshotCases(subject);
  });
}

function pauseCases(subject: Subject): void {
  const declare = caseFor(subject, pausing);

  declare('stands still and goes on, however often either is asked, with the programs that ran', async () => {
    const { driver, context, start } = subject.bench();
    const { guest, ref } = await start();
    const { pause, resume } = need(driver.pausing);
    const child = await guest.exec({ argv: ['cat'] });
    await pause(context, ref);
    await pause(context, ref);
    assert.equal(await driver.inspect(context, ref), 'paused');
    await resume(context, ref);
    await resume(context, ref);
    assert.equal(await driver.inspect(context, ref), 'running');
    child.stdin.end('still here');
    let said = '';
    for await (const chunk of child.stdout) said += String(chunk);
    assert.equal(said, 'still here');
    assert.deepEqual(await child.exited, succeeded);
  });

  declare('is destroyed while it stands still', async () => {
    const { driver, context, start } = subject.bench();
    const { ref } = await start();
    await need(driver.pausing).pause(context, ref);
    assert.deepEqual(await driver.destroy(context, ref), []);
    assert.equal(await driver.inspect(context, ref), 'gone');
  });
}

function suspendCases(subject: Subject): void {
  const declare = caseFor(subject, suspending);

  declare('is written to disk, and goes on with what was in its memory', async () => {
    const { driver, context, start } = subject.bench();
    const { guest, ref } = await start();
    assert.deepEqual((await runIn(guest, 'echo thought >/dev/shm/thought')).status, succeeded);
    await need(driver.suspending).suspend(context, ref, guest);
    await guest.ended;
    assert.equal(await driver.inspect(context, ref), 'stopped');
    const again = await start();
    assert.equal((await runIn(again.guest, 'cat /dev/shm/thought')).stdout, 'thought\n');
  });

  declare('is destroyed while it is on disk', async () => {
    const { driver, context, start } = subject.bench();
    const { guest, ref } = await start();
    await need(driver.suspending).suspend(context, ref, guest);
    assert.deepEqual(await driver.destroy(context, ref), []);
    assert.equal(await driver.inspect(context, ref), 'gone');
  });
}

function snapshotCases(subject: Subject): void {
  const declare = caseFor(subject, snapshots);
  const write = 'echo $WORD > "$HOME/kept"';
  const read = 'cat "$HOME/kept"';

  declare('is kept while it runs and put back after a stop', async () => {
    const { driver, context, start } = subject.bench();
    const { take, restore, drop } = need(driver.snapshots);
    const { guest, ref } = await start();
    await runIn(guest, write, { env: { WORD: 'before' } });
    const taken = await take(context, ref, { name: 'first', guest, memory: 'unwanted' });
    assert.equal(taken.memory, false);
    await runIn(guest, write, { env: { WORD: 'after' } });
    await guest.stop({ graceMs: 5_000 });
    const restored = await restore(context, ref, JSON.parse(JSON.stringify(taken.ref)));
    const again = await driver.open(context, restored, subject.bench().request());
    assert.equal((await runIn(again, read)).stdout, 'before\n');
    await again.stop({ graceMs: 5_000 });
    assert.deepEqual(await drop(context, taken.ref), []);
  });

  declare('is kept while it is stopped', async () => {
    const { driver, context, start } = subject.bench();
    const { take, drop } = need(driver.snapshots);
    const { guest, ref } = await start();
    await guest.stop({ graceMs: 5_000 });
    const taken = await take(context, ref, { name: 'second', memory: 'wanted' });
    assert.equal(taken.memory, false);
    assert.deepEqual(await drop(context, taken.ref), []);
    assert.deepEqual(await drop(context, taken.ref), []);
  });

  declare('goes with what was not written down, and one that was stays', async () => {
    const { driver, context, start } = subject.bench();
    const { take, restore, drop, tidy } = need(driver.snapshots);
    const { guest, ref } = await start();
    await runIn(guest, write, { env: { WORD: 'kept' } });
    const known = await take(context, ref, { name: 'known', guest, memory: 'unwanted' });
    await runIn(guest, write, { env: { WORD: 'lost' } });
    const stray = await take(context, ref, { name: 'stray', guest, memory: 'unwanted' });
    await guest.stop({ graceMs: 5_000 });
    for (const _ of [1, 2]) assert.deepEqual(await tidy(context, ref, [known.ref]), []);
    await assert.rejects(restore(context, ref, stray.ref));
    const restored = await restore(context, ref, known.ref);
    const again = await driver.open(context, restored, subject.bench().request());
    assert.equal((await runIn(again, read)).stdout, 'kept\n');
    await again.stop({ graceMs: 5_000 });
    assert.deepEqual(await drop(context, known.ref), []);
  });

  declare('is what several others begin with, while it goes on by itself', async () => {
    const { driver, context, start } = subject.bench();
    const { take, drop } = need(driver.snapshots);
    const { guest, ref } = await start();
    await runIn(guest, write, { env: { WORD: 'shared' } });
    const taken = await take(context, ref, { name: 'third', guest, memory: 'wanted' });
    await runIn(guest, write, { env: { WORD: 'own' } });
    const others = await Promise.all([makeBench(subject.backend), makeBench(subject.backend)]);
    try {
      // What one of several sandboxes shares with the others is where all of them find it.
      for (const other of others) Object.assign(other.context, { cache: context.cache });
      const copies = await Promise.all(others.map(other => other.start({ from: taken.ref })));
      for (const copy of copies) assert.equal((await runIn(copy.guest, read)).stdout, 'shared\n');
      assert.equal((await runIn(guest, read)).stdout, 'own\n');
    } finally {
      for (const other of others) await other.dispose();
    }
    assert.deepEqual(await drop(context, taken.ref), []);
  });
}

function need<T>(facet: T | undefined): T {
  return facet ?? assert.fail('the driver lacks what its manifest claims');
}

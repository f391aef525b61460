// The ticket lock: one holder at a time among real processes, and dead holders that block nobody.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identifySelf } from '../../server/platform/process.ts';
import { acquireLock, lockHolder, withLock } from '../../server/store/lock.ts';
import { exitOf, firstWordOf, newStore, startFixture } from './support.ts';

describe('a lock', () => {
  let store: ReturnType<typeof newStore>;
  let folder: string;
  beforeEach(() => {
    store = newStore();
    folder = join(store.paths.locks, 'x');
  });
  afterEach(() => store.dispose());

  const self = identifySelf();
  const dead = { ...self, pid: 2 ** 22 + 1 };
  const states: readonly { what: string; files: Record<string, string>; free: boolean }[] = [
    { what: 'an empty folder', files: {}, free: true },
    { what: 'a ticket of a living process', files: { 1: JSON.stringify(self) }, free: false },
    { what: 'a ticket of a dead process', files: { 7: JSON.stringify(dead) }, free: true },
    {
      what: 'a ticket that was released',
      files: { 3: JSON.stringify(self), '3.released': JSON.stringify(self) },
      free: true,
    },
    {
      what: 'a released ticket without its original',
      files: { '3.released': JSON.stringify(self) },
      free: true,
    },
    {
      what: 'a ticket whose pid another process has now',
      files: { 1: JSON.stringify({ ...self, start_ticks: '1' }) },
      free: true,
    },
    {
      what: 'a ticket from before the last boot',
      files: { 1: JSON.stringify({ ...self, boot_id: 'another' }) },
      free: true,
    },
    { what: 'a ticket that a loss of power emptied', files: { 1: '' }, free: true },
    { what: 'a ticket that was cut short', files: { 1: '{"pid": 1' }, free: true },
    {
      what: 'a dead ticket above a living one that was passed',
      files: { 1: JSON.stringify(self), 2: JSON.stringify(dead) },
      free: true,
    },
    {
      what: 'a living ticket above a dead one',
      files: { 1: JSON.stringify(dead), 2: JSON.stringify(self) },
      free: false,
    },
    { what: 'a draft that a dead process left', files: { [`draft-${dead.pid}-0`]: '{' }, free: true },
    { what: 'files of somebody else', files: { 'README.md': 'hello', 'x.released': '' }, free: true },
  ];
  for (const { what, files, free } of states) {
    it(`${free ? 'is free' : 'is held'} with ${what}`, async () => {
      mkdirSync(folder, { recursive: true });
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
      assert.equal(lockHolder(store.paths, 'x') === undefined, free);
      const taken = withLock(store.paths, 'x', { wait: 'fail' }, async () => 'mine');
      if (free) assert.equal(await taken, 'mine');
      else await assert.rejects(taken, { code: 'busy' });
    });
  }

  it('counts right when twenty processes count at once', async function () {
    this.timeout(120_000);
    const counter = join(store.paths.home, 'counter');
    writeFileSync(counter, '0');
    const contenders = Array.from({ length: 20 }, () =>
      startFixture('contender', store.paths.locks, counter, '10'),
    );
    assert.deepEqual(await Promise.all(contenders.map(exitOf)), new Array(20).fill(0));
    assert.equal(readFileSync(counter, 'utf8'), '200');
  });

  it('passes to the next when its holder is killed, also with others waiting', async () => {
    const holder = startFixture('holder', store.paths.locks, 'x');
    assert.equal(await firstWordOf(holder), 'held');
    const waiting = startFixture('holder', store.paths.locks, 'x');
    await assert.rejects(acquireLock(store.paths, 'x', { wait: 'fail' }), { code: 'busy' });
    holder.kill('SIGKILL');
    assert.equal(await firstWordOf(waiting), 'held');
    waiting.kill('SIGKILL');
    await exitOf(waiting);
    const lock = await acquireLock(store.paths, 'x', { wait: 'wait' });
    lock.release();
  });

  it('survives twenty contenders of which half are killed', async function () {
    this.timeout(120_000);
    const counter = join(store.paths.home, 'counter');
    writeFileSync(counter, '0');
    const contenders = Array.from({ length: 20 }, () =>
      startFixture('contender', store.paths.locks, counter, '1000000'),
    );
    const ends = contenders.map(exitOf);
    for (const [index, contender] of contenders.entries()) {
      const before = readFileSync(counter, 'utf8');
      if (index % 2 === 0) contender.kill('SIGKILL');
      else continue;
      await ends[index];
      // The others go on: the number changes, although a holder may just have been killed.
      while (readFileSync(counter, 'utf8') === before) await new Promise(resolve => setImmediate(resolve));
    }
    for (const contender of contenders) contender.kill('SIGKILL');
    await Promise.all(ends);
    await withLock(store.paths, 'count', { wait: 'wait' }, async () => {});
  });

  it('is one contender’s alone, also while others take the lock itself away', async function () {
    this.timeout(120_000);
    const contenders = Array.from({ length: 8 }, () => startFixture('remover', store.paths.home, '150'));
    assert.deepEqual(await Promise.all(contenders.map(exitOf)), new Array(8).fill(0));
  });

  it('keeps its folder small however often it is taken', async () => {
    for (let round = 0; round < 50; round += 1)
      await withLock(store.paths, 'x', { wait: 'wait' }, async () => {});
    assert.ok(readdirSync(folder).length <= 4);
  });

  it('is given back when the work fails, and only once', async () => {
    await assert.rejects(
      withLock(store.paths, 'x', { wait: 'wait' }, async () => {
        throw new Error('no');
      }),
      /no/,
    );
    const lock = await acquireLock(store.paths, 'x', { wait: 'fail' });
    lock.release();
    lock.release();
    await withLock(store.paths, 'x', { wait: 'fail' }, async () => {});
  });

  it('is not waited for any longer when the caller gives up', async () => {
    const lock = await acquireLock(store.paths, 'x', { wait: 'wait' });
    const controller = new AbortController();
    const waiting = acquireLock(store.paths, 'x', { wait: 'wait', signal: controller.signal });
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    lock.release();
  });

  it('is given back on a full disk, and its numbers never sink', async function () {
    const disk = mkdtempSync(join(tmpdir(), 'hvd-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=20', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      console.log('not run: a small disk can be mounted by root only');
      rmSync(disk, { recursive: true });
      return this.skip();
    }
    try {
      const locks = { locks: join(disk, 'locks') };
      const numbers = () => readdirSync(join(locks.locks, 'x')).map(name => Number.parseInt(name, 10));
      await withLock(locks, 'x', { wait: 'fail' }, async () => {});
      const lock = await acquireLock(locks, 'x', { wait: 'fail' });
      const highest = Math.max(...numbers());
      const fillers = fillUp(disk);
      lock.release();
      assert.equal(lockHolder(locks, 'x'), undefined);
      assert.equal(Math.max(...numbers()), highest);
      for (const filler of fillers) rmSync(filler);
      await withLock(locks, 'x', { wait: 'fail' }, async () => {});
      assert.ok(Math.max(...numbers()) > highest);
    } finally {
      execFileSync('umount', [disk]);
      rmSync(disk, { recursive: true });
    }
  });

  it('says who has it', async () => {
    const lock = await acquireLock(store.paths, 'sandbox-sb-00000001', { wait: 'wait' });
    await assert.rejects(acquireLock(store.paths, 'sandbox-sb-00000001', { wait: 'fail' }), {
      code: 'busy',
      message: /sandbox sb-00000001/,
      data: { pid: process.pid },
    });
    lock.release();
  });
});

/** Until not one more file fits. */
function fillUp(folder: string): readonly string[] {
  const made: string[] = [];
  for (;;) {
    const path = join(folder, `filler-${made.length}`);
    try {
      writeFileSync(path, '');
    } catch {
      return made;
    }
    made.push(path);
  }
}

import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { eventually } from '../support/eventually.ts';
import { type Bench, run, skipWithoutProgram, startBench } from './guestProgram.ts';

const MEGABYTE = 1024 * 1024;

for (const way of ['direct', 'chained'] as const) {
  describe(`much data, ${way === 'direct' ? 'straight to the guest program' : 'through a server in between'}`, () => {
    let bench: Bench;
    before(async function () {
      skipWithoutProgram(this);
      bench = await startBench();
    });
    after(() => bench?.close());

    it('arrives intact in both directions at once', async () => {
      const started = await bench[way].exec({ argv: ['cat'], cwd: '/tmp' });
      const sent = createHash('sha256');
      const got = createHash('sha256');
      let length = 0;
      await Promise.all([
        pipeline(Readable.from(noise(50, sent)), started.stdin),
        pipeline(started.stdout, async function* (chunks) {
          for await (const chunk of chunks) {
            got.update(chunk);
            length += chunk.length;
          }
          yield '';
        }),
      ]);
      assert.deepEqual(await started.exited, { kind: 'exited', code: 0 });
      assert.equal(length, 50 * MEGABYTE);
      assert.equal(got.digest('hex'), sent.digest('hex'));
    });

    it('waits for a reader that is slow, without being collected anywhere', async () => {
      const started = await bench[way].exec({
        argv: ['head', '-c', String(400 * MEGABYTE), '/dev/zero'],
        cwd: '/tmp',
      });
      const before = await memory(bench);
      let seen = -1;
      await eventually(() => {
        const now = started.stdout.readableLength;
        const still = now === seen && now > 0;
        seen = now;
        return still;
      });
      const while_waiting = await memory(bench);
      assert.ok(seen < 2 * MEGABYTE, `${seen} bytes in the stream`);
      assert.ok(while_waiting.own - before.own < 30 * MEGABYTE, 'memory of this process');
      assert.ok(while_waiting.guest - before.guest < 5 * MEGABYTE, 'memory of the guest program');
      let length = 0;
      for await (const chunk of started.stdout) length += chunk.length;
      assert.equal(length, 400 * MEGABYTE);
      const after = await memory(bench);
      assert.ok(
        after.own - before.own < 100 * MEGABYTE,
        `${after.own - before.own} bytes more in this process`,
      );
      assert.ok(after.guest < 10 * MEGABYTE, `${after.guest} bytes in the guest program`);
    });

    it('waits for a program that does not read', async () => {
      const started = await bench[way].exec({ argv: ['sh', '-c', 'read line; exec wc -c'], cwd: '/tmp' });
      started.stdin.write('x'.repeat(10));
      let accepted = 0;
      const block = Buffer.alloc(64 * 1024, '.');
      while (accepted < 100 && started.stdin.write(block)) accepted += 1;
      assert.ok(accepted < 100, 'the stream never said that it is full');
      started.stdin.end('\nrest');
      const [chunk] = await once(started.stdout, 'data');
      assert.match(String(chunk), /^\d+\n$/);
    });

    it('of one output goes on while nobody wants the other', async () => {
      const script = 'head -c 30000000 /dev/zero >&2; echo done';
      const started = await bench[way].exec({ argv: ['sh', '-c', script], cwd: '/tmp' });
      started.stderr.resume();
      let text = '';
      for await (const chunk of started.stdout) text += String(chunk);
      assert.equal(text, 'done\n');
    });

    it('of two outputs arrives whole', async () => {
      const script = 'head -c 20000000 /dev/zero & head -c 30000000 /dev/zero >&2; wait';
      const { stdout, stderr } = await run(bench[way], { argv: ['sh', '-c', script] });
      assert.deepEqual([stdout.length, stderr.length], [20_000_000, 30_000_000]);
    });
  });
}

function* noise(megabytes: number, hash: ReturnType<typeof createHash>): Generator<Buffer> {
  let state = 1;
  for (let count = 0; count < megabytes; count++) {
    const words = new Uint32Array(MEGABYTE / 4);
    for (let index = 0; index < words.length; index++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      words[index] = state;
    }
    const block = Buffer.from(words.buffer);
    hash.update(block);
    yield block;
  }
}

/** What is held in memory now, in bytes. */
async function memory(bench: Bench): Promise<{ own: number; guest: number }> {
  const status = await readFile(`/proc/${bench.program.pid}/status`, 'utf8');
  const kilobytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
  return { own: process.memoryUsage.rss(), guest: kilobytes * 1024 };
}

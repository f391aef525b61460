// Contract: bytes arrive whole and in order, however many, and whoever stops reading first.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { succeeded } from '../bench.ts';
import type { Subject } from '../suite.ts';

export function streamCases({ bench }: Subject): void {
  describe('streams', () => {
    it('carry any bytes through a program and back', async () => {
      const { guest } = await bench().start();
      const sent = randomBytes(3_000_000);
      const child = await guest.exec({ argv: ['cat'] });
      child.stdin.end(sent);
      const received = await buffer(child.stdout);
      assert.deepEqual(await child.exited, succeeded);
      assert.ok(received.equals(sent));
    });

    it('deliver ten megabytes to the last byte before the end is told', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['head', '-c', '10000000', '/dev/zero'] });
      const [received, status] = await Promise.all([buffer(child.stdout), child.exited]);
      assert.equal(received.length, 10_000_000);
      assert.deepEqual(status, succeeded);
    });

    it('wait for a reader that comes late', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['head', '-c', '2000000', '/dev/zero'] });
      await guest.exec({ argv: ['true'] }).then(other => other.exited);
      assert.equal((await buffer(child.stdout)).length, 2_000_000);
      assert.deepEqual(await child.exited, succeeded);
    });

    it('end the input when it is closed', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['cat'] });
      child.stdin.end();
      assert.deepEqual([(await buffer(child.stdout)).length, await child.exited], [0, succeeded]);
    });

    it('let a program end that never reads its input', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['true'] });
      child.stdin.on('error', () => {
        // Nobody reads it, and that is what this is about.
      });
      child.stdin.write(Buffer.alloc(300_000));
      assert.deepEqual(await child.exited, succeeded);
    });

    it('keep the order of what is written', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['cat'] });
      const lines = Array.from({ length: 5_000 }, (_, index) => `${index}\n`);
      for (const line of lines) child.stdin.write(line);
      child.stdin.end();
      assert.equal((await buffer(child.stdout)).toString(), lines.join(''));
    });
  });
}

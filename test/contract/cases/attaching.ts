// Contract: guests that outlive whoever started them are attached to by the next one, and ended by nobody's leaving.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runIn, succeeded } from '../bench.ts';
import { type Claim, caseFor } from '../claims.ts';
import type { Subject } from '../suite.ts';

const outliving: Claim = {
  what: 'guests that outlive their owner',
  of: ({ lifetime }) => lifetime === 'external',
};
const images: Claim = {
  what: 'images with a system',
  of: ({ images: kinds = [] }) => kinds.some(kind => !kind.startsWith('wasm-')),
};
const none: Claim = { what: 'no images', of: ({ images: kinds = [] }) => kinds.length === 0 };

export function attachingCases(subject: Subject): void {
  describe('a guest without its owner', () => {
    const declare = caseFor(subject, outliving);

    declare('goes on when the process that opened it is killed', async () => {
      const { driver, context, request } = subject.bench();
      const asked = request();
      const ref = await driver.create(context, asked);
      const script = join(import.meta.dirname, '..', 'fixtures', 'opener.ts');
      const { signal: _, log: __, run: ___, progress: ____, ...places } = context;
      const told = { backend: subject.backend.manifest.id, places, ref, request: asked };
      const opener = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
      const end = once(opener, 'exit');
      opener.stdin.end(JSON.stringify(told));
      const said = await Promise.race([once(opener.stdout, 'data'), end]);
      assert.equal(String(said[0]), 'open\n');
      opener.kill('SIGKILL');
      await end;
      assert.equal(await driver.inspect(context, ref), 'running');
      const { guest } = await subject.bench().start();
      assert.equal((await runIn(guest, 'cat /tmp/mark')).stdout, 'opened\n');
    });

    declare('is ended by force without anybody attached, however often that is asked', async () => {
      const { driver, context, start } = subject.bench();
      const { guest, ref } = await start();
      await driver.halt?.(context, ref);
      await driver.halt?.(context, ref);
      await guest.ended;
      assert.equal(await driver.inspect(context, ref), 'stopped');
    });
  });

  describe('the image of a guest', () => {
    caseFor(subject, none)('is refused where guests run on this machine’s own system', async () => {
      const { driver, context, request } = subject.bench();
      const asked = request({ image: { kind: 'reference', name: 'debian:12' } });
      const opened = async (): Promise<void> => {
        await driver.open(context, await driver.create(context, asked), asked);
      };
      await assert.rejects(opened, { code: 'policy-unenforceable' });
    });

    caseFor(subject, images)('is what its programs are from', async () => {
      const { guest, request } = await subject.bench().start();
      const { image } = request;
      if (image?.kind !== 'stored') return;
      const { stdout, status } = await runIn(guest, 'cat /etc/os-release');
      assert.deepEqual(status, succeeded);
      assert.match(stdout, new RegExp(`^ID="?${image.manifest.os.id}"?$`, 'm'));
    });
  });
}

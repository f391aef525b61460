// Much data through the endpoint in both directions, with little memory.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { memoryOf, startSandbox, type TestSandbox, whyNot } from './support/sandbox.ts';

const MEGABYTE = 1024 * 1024;
const SIZE = 300 * MEGABYTE;
/** The windows of ssh in both directions, and what the collector has not got to yet. */
const MOST_MEMORY = 64 * MEGABYTE;

/** The same bytes on both sides, without a file: a counter in each block. */
function* blocks(): Generator<Buffer> {
  for (let index = 0; index < SIZE / MEGABYTE; index += 1) {
    const block = Buffer.alloc(MEGABYTE, 'heyvm');
    block.writeUInt32BE(index);
    yield block;
  }
}

describe('much data over ssh', () => {
  let box: TestSandbox;
  let atFirst = 0;
  before(async function () {
    const why = await whyNot();
    if (why !== undefined) {
      console.log(`not run: ${why}`);
      return this.skip();
    }
    box = await startSandbox();
    await box.ssh([box.alias, 'true']);
    atFirst = (await memoryOf(pid())).now;
  });
  after(() => box?.dispose());

  const pid = () => box.endpoint.pid ?? assert.fail();
  const expected = () => {
    const hash = createHash('sha256');
    for (const block of blocks()) hash.update(block);
    return hash.digest('hex');
  };
  const ssh = (command: string) =>
    spawn('ssh', ['-F', box.config, box.alias, command], { stdio: ['pipe', 'pipe', 'inherit'] });

  it('arrives intact in the guest and comes back so', async () => {
    const client = ssh('cat');
    const hash = createHash('sha256');
    client.stdout.on('data', chunk => hash.update(chunk));
    for (const block of blocks()) {
      if (!client.stdin.write(block)) await once(client.stdin, 'drain');
    }
    client.stdin.end();
    await once(client, 'close');
    assert.equal(hash.digest('hex'), expected());
  });

  it('waits for a reader that pauses, and for a program that does', async () => {
    const slow = ssh(`head -c ${SIZE} /dev/zero`);
    let received = 0;
    let pauses = 0;
    for await (const chunk of slow.stdout) {
      received += chunk.length;
      if (received > pauses * 64 * MEGABYTE) {
        pauses += 1;
        await new Promise(resolve => setTimeout(resolve, 100));
      }
    }
    assert.equal(received, SIZE);
    const lazy = ssh('sleep 1; wc -c');
    const said = once(lazy.stdout, 'data');
    for (const block of blocks()) if (!lazy.stdin.write(block)) await once(lazy.stdin, 'drain');
    lazy.stdin.end();
    assert.equal(String(await said).trim(), String(SIZE));
  });

  it('took little memory of the endpoint', async () => {
    const { peak } = await memoryOf(pid());
    const taken = peak - atFirst;
    console.log(`    at most ${Math.round(taken / MEGABYTE)} MB`);
    assert.ok(taken < MOST_MEMORY, `${taken} bytes`);
  });
});

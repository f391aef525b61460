// Programs in the real wasmtime: what it is asked it understands, and what it is refused it is refused by name.
import { strict as assert } from 'node:assert';
import { copyFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { ensureBox } from '../../scripts/lib/wasmBox.ts';
import { ensureWasmtime } from '../../scripts/lib/wasmtime.ts';
import { findBackend } from '../../server/backends/registry.ts';
import type { LaunchRequest } from '../../server/core/backend.ts';
import type { Guest } from '../../server/core/guest.ts';
import { type Bench, machineOf, makeBench, runIn, succeeded } from '../contract/bench.ts';

describe('programs in wasmtime', function () {
  this.timeout(120_000);
  const path = process.env['PATH'];
  let bench: Bench;

  before(async function () {
    try {
      await ensureBox();
      process.env['PATH'] = [dirname(await ensureWasmtime()), path].join(delimiter);
    } catch (error) {
      console.log(`not run: programs in wasmtime: ${error instanceof Error ? error.message : error}`);
      this.skip();
    }
  });

  beforeEach(async () => {
    bench = await makeBench(findBackend('wasip2'));
    copyFileSync(await ensureBox(), join(bench.workspace, 'box.wasm'));
  });

  afterEach(() => bench?.dispose());

  after(() => {
    process.env['PATH'] = path;
  });

  const open = async (change: Partial<LaunchRequest> = {}, fuel?: number): Promise<Guest> => {
    const options = { runtime: 'wasmtime', ...(fuel === undefined ? {} : { fuel }) };
    return (await bench.start({ options, ...change })).guest;
  };

  it('are found, and what they lack is said', async () => {
    const context = { ...(await machineOf(bench.backend)), options: { runtime: 'wasmtime' } };
    const found = await bench.driver.probe(context);
    assert.ok(found.kind === 'ready', JSON.stringify(found));
    assert.match(found.version, /^wasmtime \d+/);
    assert.ok(found.notes.some(note => note.includes('read-only')));
  });

  it('get arguments and input, see the workspace, and end with their own codes', async () => {
    const guest = await open();
    assert.equal((await runIn(guest, ['box', 'echo', 'a b', '$X'])).stdout, 'a b $X\n');
    assert.equal((await runIn(guest, ['./box.wasm', 'cat'], { input: 'input' })).stdout, 'input');
    assert.deepEqual((await runIn(guest, ['box', 'write', 'made', 'x'])).status, succeeded);
    assert.equal((await runIn(guest, ['box', 'cat', '/workspace/made'])).stdout, 'x');
    assert.deepEqual((await runIn(guest, ['box', 'exit', '7'])).status, { kind: 'exited', code: 7 });
    assert.notDeepEqual((await runIn(guest, ['box', 'cat', '/etc/passwd'])).status, succeeded);
  });

  it('are bounded in memory and in what they compute', async () => {
    const guest = await open({ limits: { memory: 64 * 1024 * 1024 } }, 3_000_000_000);
    assert.deepEqual((await runIn(guest, ['box', 'hog', '16'])).status, succeeded);
    assert.notDeepEqual((await runIn(guest, ['box', 'hog', '128'])).status, succeeded);
    const { status, stderr } = await runIn(guest, ['box', 'spin']);
    assert.notDeepEqual(status, succeeded);
    assert.match(stderr, /fuel/);
  });

  it('end when they are told to', async () => {
    const child = await (await open()).exec({ argv: ['box', 'sleep', '1000'] });
    await child.signal('TERM');
    assert.deepEqual(await child.exited, { kind: 'signalled', signal: 'TERM' });
  });

  it('are refused where something is to be read-only', async () => {
    const mount = { source: bench.workspace, target: '/data', mode: 'ro' } as const;
    const guest = await open({ mounts: [...bench.request().mounts, mount] });
    await assert.rejects(guest.exec({ argv: ['box', 'true'] }), {
      code: 'policy-unenforceable',
      message: /read-only/,
    });
  });
});

// What was made ready once is used again, by whoever needs it, and only as it was made.
import { strict as assert } from 'node:assert';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBox } from '../../scripts/lib/wasmBox.ts';
import { findBackend } from '../../server/backends/registry.ts';
import type { Guest } from '../../server/core/guest.ts';
import { type Bench, makeBench, runIn } from '../contract/bench.ts';

describe('components that were made ready', function () {
  this.timeout(180_000);
  let box: string;
  let cache: string;
  let benches: Bench[];

  before(async function () {
    box = await ensureBox().catch((error: Error) => error.message);
    if (box.startsWith('/')) return;
    console.log(`not run: components that were made ready: ${box}`);
    this.skip();
  });

  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'hvw-'));
    benches = [];
  });

  afterEach(async () => {
    for (const bench of benches) await bench.dispose();
    rmSync(cache, { recursive: true, force: true });
  });

  /** A guest of its own owner, as it were, with the box in its workspace. */
  const open = async (): Promise<Guest> => {
    const bench = await makeBench(findBackend('wasip2'));
    benches.push(bench);
    copyFileSync(box, join(bench.workspace, 'box.wasm'));
    const { image: _, ...asked } = bench.request();
    const context = { ...bench.context, cache };
    const guest = await bench.driver.open(context, await bench.driver.create(context, asked), asked);
    const dispose = bench.dispose;
    benches[benches.indexOf(bench)] = {
      ...bench,
      dispose: async () => {
        await guest.stop({ graceMs: 0 });
        await dispose();
      },
    };
    return guest;
  };

  const shelf = (): string => join(cache, readdirSync(cache)[0] ?? '');
  const only = (): string => {
    const names = readdirSync(shelf());
    assert.equal(names.length, 1, names.join(' '));
    return join(shelf(), names[0] ?? '');
  };
  const hello = async (guest: Guest): Promise<void> => {
    assert.equal((await runIn(guest, ['./box.wasm', 'echo', 'hello'])).stdout, 'hello\n');
  };

  it('are made once, also when several want them at once, and never by halves', async () => {
    const guests = await Promise.all([open(), open(), open()]);
    await Promise.all(guests.map(hello));
    const made = statSync(join(only(), 'component.cjs')).ino;
    await hello(await open());
    assert.equal(statSync(join(only(), 'component.cjs')).ino, made);
  });

  for (const [what, damage] of [
    ['changed', (path: string) => writeFileSync(path, 'process.exit(0)')],
    ['removed', (path: string) => rmSync(path)],
  ] as const) {
    it(`are made again when a file of them was ${what}`, async () => {
      await hello(await open());
      const path = join(only(), 'component.cjs');
      const before = readFileSync(path);
      damage(path);
      await hello(await open());
      assert.ok(readFileSync(path).equals(before));
    });
  }

  it('are cleared away when nobody ran them for long, with what was left half made', async () => {
    const guest = await open();
    await hello(guest);
    const kept = only();
    const [bench] = benches;
    const old = new Date(Date.now() - 30 * 24 * 60 * 60 * 1_000);
    for (const name of ['a'.repeat(64), `${'b'.repeat(64)}.new-1`]) {
      mkdirSync(join(shelf(), name));
      writeFileSync(join(shelf(), name, 'prepared.json'), '{}');
      utimesSync(join(shelf(), name, 'prepared.json'), old, old);
    }
    mkdirSync(join(cache, 'of-another-version'));
    await bench!.driver.sweep({ ...bench!.context, cache }, new Set());
    assert.deepEqual([only(), readdirSync(cache).length], [kept, 1]);
    await hello(guest);
  });

  it('say what is wrong with a file that is none', async () => {
    const guest = await open();
    const { workspace } = benches[0]!;
    writeFileSync(join(workspace, 'text.wasm'), 'no module');
    writeFileSync(join(workspace, 'broken.wasm'), readFileSync(box).subarray(0, 5_000));
    await assert.rejects(guest.exec({ argv: ['./text.wasm'] }), {
      code: 'image-broken',
      message: /no WebAssembly/,
    });
    await assert.rejects(guest.exec({ argv: ['./broken.wasm'] }), { code: 'image-broken' });
    await assert.rejects(guest.exec({ argv: ['./absent.wasm'] }), { code: 'path-not-found' });
    await hello(guest);
  });
});

// A module that is run once by its path on this machine, with each backend that runs modules.
import { strict as assert } from 'node:assert';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt } from '../../scripts/lib/command.ts';
import { dist } from '../../scripts/lib/places.ts';
import { ensureBox } from '../../scripts/lib/wasmBox.ts';

for (const backend of ['wasip2', 'wasix']) {
  describe(`a module that is run once from its file with ${backend}`, function () {
    this.timeout(120_000);
    let folder: string;

    before(async function () {
      const box = await ensureBox().catch((error: Error) => error);
      if (typeof box !== 'string') {
        console.log(`not run: modules from their files: ${box.message}`);
        return this.skip();
      }
      folder = mkdtempSync(join(tmpdir(), 'hvr-'));
      mkdirSync(join(folder, 'data'));
      copyFileSync(box, join(folder, 'My Box.wasm'));
      writeFileSync(join(folder, 'data', 'note'), 'from the folder');
      writeFileSync(join(folder, 'text.wasm'), 'words');
    });

    after(() => {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    const heyvm = (...words: string[]) =>
      attempt([join(dist, 'heyvm'), ...words], {
        cwd: folder,
        env: { ...process.env, HEYO_HOME: join(folder, 'h') },
      });
    const run = (...words: string[]) => heyvm('run', '--quiet', '--backend', backend, ...words);

    it('gets its arguments, and ends as it ends', async () => {
      const done = await run('--', 'My Box.wasm', 'echo', 'two words', 'x');
      assert.deepEqual([done.code, done.stdout, done.stderr], [0, 'two words x\n', '']);
      assert.equal((await run('--', join(folder, 'My Box.wasm'), 'sh', '-c', 'exit 7')).code, 7);
      assert.deepEqual(JSON.parse((await heyvm('list', '--format', 'json')).stdout), []);
    });

    it('sees the folder that is shown, which need not have it', async () => {
      const done = await run('--workspace', 'data', '--', './My Box.wasm', 'cat', '/workspace/note');
      assert.deepEqual([done.code, done.stdout], [0, 'from the folder'], done.stderr);
    });

    it('is the one inside where there is none here', async () => {
      copyFileSync(join(folder, 'My Box.wasm'), join(folder, 'data', 'inner.wasm'));
      const shown = await run('--workspace', 'data', '--', './inner.wasm', 'echo', 'inside');
      assert.deepEqual([shown.code, shown.stdout], [0, 'inside\n'], shown.stderr);
      const copied = await run('--file', 'data/inner.wasm', '--', './inner.wasm', 'echo', 'copied');
      assert.deepEqual([copied.code, copied.stdout], [0, 'copied\n'], copied.stderr);
    });

    it('is missed by its whole path, and refused when it is something else', async () => {
      const missed = await run('--', './gone.wasm', 'echo');
      assert.equal(missed.code, 127);
      assert.ok(missed.stderr.includes(`there is no file ${join(folder, 'gone.wasm')}`), missed.stderr);
      const text = await run('--', './text.wasm');
      assert.equal(text.code, 125);
      assert.match(text.stderr, /text\.wasm is no WebAssembly/);
    });

    it('is not what is run where an image is named', async () => {
      const named = await run('--image', './My Box.wasm', '--', './gone.wasm');
      assert.equal(named.code, 127);
      assert.match(named.stderr, /inside|in the sandbox/);
    });
  });
}

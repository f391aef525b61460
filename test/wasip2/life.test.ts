// Nothing of a sandbox outlives its owner: neither programs that compute for ever, nor servers, nor folders.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt } from '../../scripts/lib/command.ts';
import { dist } from '../../scripts/lib/places.ts';
import { ensureBox } from '../../scripts/lib/wasmBox.ts';
import { eventually } from '../support/eventually.ts';

describe('life of programs of WebAssembly', function () {
  this.timeout(180_000);
  let folder: string;
  let box: string;

  before(async function () {
    box = await ensureBox().catch((error: Error) => error.message);
    if (box.startsWith('/')) return;
    console.log(`not run: life of programs of WebAssembly: ${box}`);
    this.skip();
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hvl-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const env = () => ({ ...process.env, HEYO_HOME: join(folder, 'h') });
  const heyvm = (...words: string[]) => attempt([join(dist, 'heyvm'), ...words], { cwd: folder, env: env() });
  const create = async (): Promise<number> => {
    const made = await heyvm('create', '--backend', 'wasip2', '--image', box, '--name', 'box');
    assert.equal(made.code, 0, made.stderr);
    const { owner } = JSON.parse((await heyvm('get', 'box', '--format', 'json')).stdout);
    return owner.pid;
  };

  /** Programs of this test's sandboxes, by their parents. */
  const childrenOf = (pid: number): number[] =>
    readdirSync('/proc')
      .filter(name => /^\d+$/.test(name) && statusOf(name).includes(`PPid:\t${pid}\n`))
      .map(Number);

  it('ends one that computes for ever when its owner is killed', async () => {
    const owner = await create();
    const program = imageName(box);
    const spinning = spawn(join(dist, 'heyvm'), ['exec', 'box', '--', program, 'spin'], {
      env: env(),
      stdio: 'ignore',
    });
    const over = once(spinning, 'exit');
    await eventually(() => childrenOf(owner).length > 0, { what: 'a program' });
    const children = childrenOf(owner);
    process.kill(owner, 'SIGKILL');
    await eventually(() => children.every(pid => statusOf(String(pid)) === ''), { what: 'its end' });
    await over;
    assert.equal((await heyvm('rm', '--yes', 'box')).code, 0);
  });

  it('is nothing after a stop, and what is temporary goes with it', async () => {
    const owner = await create();
    const program = imageName(box);
    assert.equal((await heyvm('exec', 'box', '--', program, 'write', '/tmp/x', 'x')).code, 0);
    assert.equal((await heyvm('stop', 'box')).code, 0);
    assert.deepEqual([childrenOf(owner), statusOf(String(owner))], [[], '']);
    const [sandbox = ''] = readdirSync(join(folder, 'h', 'sandboxes'));
    const files = readdirSync(join(folder, 'h', 'sandboxes', sandbox), { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      files.filter(name => /\btmp\b|running|http/.test(name)),
      [],
    );
    assert.equal((await heyvm('start', 'box')).code, 0);
    assert.equal((await heyvm('exec', 'box', '--', program, 'test', '-e', '/tmp/x')).code, 1);
    assert.equal((await heyvm('rm', '--yes', '--force', 'box')).code, 0);
    assert.deepEqual(readdirSync(join(folder, 'h', 'sandboxes')), []);
  });
});

/** As an image that was given by its path is called. */
function imageName(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.wasm$/, '').toLowerCase();
}

/** Empty when there is no such process, or only its name is left. */
function statusOf(pid: string): string {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return /^State:\t[ZX]/m.test(status) ? '' : status;
  } catch {
    return '';
  }
}

// Attacks on the files of this machine from inside a component: each is shown to work outside of it first.
import { strict as assert } from 'node:assert';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ensureModule } from '../../scripts/lib/wasmBox.ts';
import { findBackend } from '../../server/backends/registry.ts';
import type { Guest } from '../../server/core/guest.ts';
import { type Bench, makeBench, runIn } from '../contract/bench.ts';

const SECRET = 'stolen';

describe('files of this machine', function () {
  this.timeout(180_000);
  let bench: Bench;
  let guest: Guest;
  let outside: string;

  before(async function () {
    const attack = await ensureModule('test/support/wasm/attack.c').catch((error: Error) => error.message);
    if (!attack.startsWith('/')) {
      console.log(`not run: attacks on files: ${attack}`);
      return this.skip();
    }
    bench = await makeBench(findBackend('wasip2'));
    outside = join(bench.folder, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), SECRET);
    writeFileSync(join(outside, 'victim'), SECRET);
    copyFileSync(attack, join(bench.workspace, 'attack.wasm'));
    mkdirSync(join(bench.workspace, '.git', 'hooks'), { recursive: true });
    writeFileSync(join(bench.workspace, '.git', 'config'), 'own');
    writeFileSync(join(bench.workspace, 'bait'), 'own');
    mkdirSync(join(bench.workspace, 'folder'));
    writeFileSync(join(bench.workspace, 'folder', 'secret'), 'own');
    symlinkSync('../outside', join(bench.workspace, 'link'));
    symlinkSync(outside, join(bench.workspace, 'straight'));
    const git = { source: join(bench.workspace, '.git'), target: '/workspace/.git', mode: 'ro' } as const;
    ({ guest } = await bench.start({ mounts: [...bench.request().mounts, git] }));
  });

  after(() => bench?.dispose());

  const attack = async (...words: string[]): Promise<string> => {
    const { stdout, stderr, status } = await runIn(guest, ['./attack.wasm', ...words]);
    assert.equal(status.kind, 'exited', stderr);
    return stdout;
  };

  it('can be reached by these links from outside, which shows that they lead there', () => {
    for (const link of ['link', 'straight'])
      assert.equal(readFileSync(join(bench.workspace, link, 'secret'), 'utf8'), SECRET);
  });

  it('are not read by absolute paths, dots or links', async () => {
    const paths = [
      '/etc/passwd',
      join(outside, 'secret'),
      '../outside/secret',
      '/workspace/../outside/secret',
      '/workspace/folder/../../outside/secret',
      'link/secret',
      'straight/secret',
      './folder/../link/secret',
      '/proc/self/environ',
      '/dev/null/../etc/passwd',
    ];
    assert.equal(await attack('read', ...paths), '');
  });

  it('are not written by them either', async () => {
    const before = readdirSync(outside);
    const said = await attack('write', '../outside/new', join(outside, 'new'), 'link/new', 'straight/secret');
    assert.equal(said, '');
    assert.deepEqual(readdirSync(outside), before);
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), SECRET);
  });

  it('are not reached by links that a component makes itself', async () => {
    assert.equal(await attack('link', outside, 'made'), '');
    await attack('link', '../outside', 'climbing');
    await attack('link', 'folder/../../outside', 'winding');
    assert.equal(await attack('read', 'climbing/secret', 'winding/secret', 'made/secret'), '');
  });

  it('are not reached while another component exchanges a folder for a link', async () => {
    const outsideBefore = readdirSync(outside);
    const flipping = await guest.exec({ argv: ['./attack.wasm', 'flip', '100000000'] });
    flipping.stdout.resume();
    flipping.stderr.resume();
    const chases = await Promise.all([attack('chase', '1500'), attack('chase', '1500')]);
    await flipping.signal('KILL');
    await flipping.exited;
    assert.deepEqual(chases, ['chased 1500\n', 'chased 1500\n']);
    assert.deepEqual(readdirSync(outside), outsideBefore);
  });

  it('keep the workspace’s .git as it is, by whatever name or detour', async () => {
    const before = readdirSync(join(bench.workspace, '.git'), { recursive: true }).sort();
    for (const path of [
      '.git',
      '.git/config',
      '.git/hooks',
      './folder/../.git/hooks',
      '/workspace/.git/config',
    ])
      assert.equal(await attack('change', path), '', path);
    assert.equal(await attack('write', '.git/config', '.git/hooks/post-checkout', '.git/index'), '');
    assert.deepEqual(readdirSync(join(bench.workspace, '.git'), { recursive: true }).sort(), before);
    assert.equal(readFileSync(join(bench.workspace, '.git', 'config'), 'utf8'), 'own');
    assert.ok(lstatSync(join(bench.workspace, '.git')).isDirectory());
  });

  it('are not run as programs either', async () => {
    copyFileSync(join(bench.workspace, 'attack.wasm'), join(outside, 'tool.wasm'));
    for (const path of ['link/tool.wasm', '../outside/tool.wasm', join(outside, 'tool.wasm')])
      await assert.rejects(guest.exec({ argv: [path] }), { code: 'path-not-found' }, path);
  });

  it('get no new ones but in the workspace, the home and the folder for what is temporary', async () => {
    const written = await attack('write', '/workspace/a', '/home/dev/b', '/tmp/c', '/home/e', '/etc/f');
    assert.equal(written, 'done: /workspace/a\ndone: /home/dev/b\ndone: /tmp/c\n');
  });

  it('are not meant by an absolute path that leads nowhere: it begins in the current folder', async () => {
    assert.equal(await attack('write', '/heyvm-d'), 'done: /heyvm-d\n');
    assert.ok(existsSync(join(bench.workspace, 'heyvm-d')) && !existsSync('/heyvm-d'));
  });
});

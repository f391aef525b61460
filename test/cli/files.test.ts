// Moving files with cp and looking at them with fs, also where a guest means harm.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { errorOf, makeWorld, needEngine, type World } from './support/world.ts';

describe('heyvm and files', () => {
  let world: World;
  let here: string;
  let workspace: string;

  before(async function () {
    needEngine(this);
    world = await makeWorld();
    here = join(world.folder, 'here');
    workspace = join(world.folder, 'ws');
    mkdirSync(here);
    mkdirSync(workspace);
    await world.json(['create', '--name', 'box', '--workspace', workspace]);
  });
  after(() => world?.end());

  const cp = (...args: string[]) => world.heyvm(['cp', ...args], { cwd: here });
  const fs = (...args: string[]) => world.heyvm(['fs', ...args], { cwd: here });
  const fsJson = (...args: string[]) =>
    world.json(['fs', ...args], { cwd: here }) as Promise<Record<string, unknown>>;

  it('copies a file in and out with its mode, into a folder or under a new name', async () => {
    writeFileSync(join(here, 'tool'), '#!/bin/sh\necho tool\n');
    chmodSync(join(here, 'tool'), 0o751);
    assert.equal((await cp('tool', 'box:')).code, 0);
    assert.equal((await cp('tool', 'box:/tmp/other')).code, 0);
    assert.equal((await world.heyvm(['exec', 'box', './tool'])).stdout, 'tool\n');
    assert.equal((await fsJson('stat', 'box:/tmp/other'))['mode'], '0751');
    assert.equal((await cp('box:/tmp/other', 'back')).code, 0);
    assert.equal(readFileSync(join(here, 'back'), 'utf8'), '#!/bin/sh\necho tool\n');
    assert.equal(statSync(join(here, 'back')).mode & 0o777, 0o751);
    assert.equal((await cp('box:tool', '.')).code, 0);
  });

  it('copies much data unchanged and replaces what was there', async () => {
    const content = randomBytes(20 * 1024 * 1024 + 12_345);
    writeFileSync(join(here, 'data'), content);
    const up = (await world.json(['cp', 'data', 'box:data'], { cwd: here })) as Record<string, number>;
    assert.deepEqual([up['files'], up['bytes']], [1, content.length]);
    const digest = createHash('sha256').update(content).digest('hex');
    assert.match((await world.heyvm(['exec', 'box', 'sha256sum', 'data'])).stdout, new RegExp(digest));
    writeFileSync(join(here, 'data'), 'something shorter');
    assert.equal((await cp('box:data', 'data')).code, 0);
    assert.ok(readFileSync(join(here, 'data')).equals(content));
    writeFileSync(join(here, 'data'), 'short');
    assert.equal((await cp('data', 'box:data')).code, 0);
    assert.equal(readFileSync(join(workspace, 'data'), 'utf8'), 'short');
  });

  it('copies trees with folders, links, modes and odd names, there and back', async () => {
    const tree = join(here, 'tree');
    mkdirSync(join(tree, 'a b', 'empty'), { recursive: true });
    writeFileSync(join(tree, 'a b', 'é "x" $y'), 'odd');
    writeFileSync(join(tree, '.hidden'), '');
    symlinkSync('a b/é "x" $y', join(tree, 'link'));
    symlinkSync('/does/not/exist', join(tree, 'dangling'));
    symlinkSync('..', join(tree, 'up'));
    chmodSync(join(tree, 'a b', 'empty'), 0o555);
    assert.equal((await cp('tree', 'box:tree')).code, 2);
    assert.equal((await cp('-r', 'tree', 'box:/tmp/tree')).code, 0);
    const back = (await world.json(['cp', '-r', 'box:/tmp/tree', 'copy'], { cwd: here })) as Record<
      string,
      number
    >;
    assert.deepEqual([back['files'], back['folders'], back['links']], [2, 3, 3]);
    assert.equal(outline(join(here, 'copy')), outline(tree));
    assert.equal((await cp('-r', 'box:/tmp/tree', '.')).code, 0);
    chmodSync(join(tree, 'a b', 'empty'), 0o755);
  });

  it('says what is missing on either side', async () => {
    for (const [source, target] of [
      ['absent', 'box:x'],
      ['box:absent', 'x'],
      ['tool', 'box:/nowhere/'],
      ['box:tool', './nowhere/'],
    ] as const) {
      const done = await cp('--format', 'json', source, target);
      assert.deepEqual([done.code, errorOf(done).code], [3, 'path-not-found'], `${source} ${target}`);
    }
    assert.equal((await cp('tool', './other')).code, 2);
    assert.equal((await cp('box:tool', 'box:other')).code, 2);
  });

  it('never writes through links that a guest has made', async () => {
    const outside = join(world.folder, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'kept'), 'kept');
    const plant = `mkdir -p /tmp/evil/sub && echo evil > /tmp/evil/kept && ln -s ${outside} /tmp/evil/out && ln -s ${outside}/kept /tmp/evil/sub/file`;
    await world.heyvm(['exec', 'box', '--', 'sh', '-c', plant]);
    mkdirSync(join(here, 'trap'));
    symlinkSync(join(outside, 'kept'), join(here, 'trap', 'kept'));
    assert.equal((await cp('-r', 'box:/tmp/evil/.', 'trap')).code, 0);
    assert.equal(readFileSync(join(outside, 'kept'), 'utf8'), 'kept');
    assert.equal(lstatSync(join(here, 'trap', 'out')).isSymbolicLink(), true);

    // The second time there are links where the guest now has folders and files.
    await world.heyvm([
      'exec',
      'box',
      '--',
      'sh',
      '-c',
      'cd /tmp/evil; rm out; mkdir out; echo evil > out/kept; rm sub/file; echo evil > sub/file',
    ]);
    const again = await cp('-r', 'box:/tmp/evil/.', 'trap');
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /is not a folder/);
    assert.equal(readFileSync(join(outside, 'kept'), 'utf8'), 'kept');
    assert.equal(execFileSync('ls', [outside], { encoding: 'utf8' }), 'kept\n');
  });

  it('sees only what the guest sees', async () => {
    writeFileSync(join(world.folder, 'secret'), 'secret');
    assert.equal((await fs('cat', `box:${join(world.folder, 'secret')}`)).code, 3);
    assert.equal((await fs('cat', 'box:../../../../../../etc/shadow')).stdout, '');
    await world.heyvm(['exec', 'box', 'ln', '-s', join(world.folder, 'secret'), 'peek']);
    assert.equal((await fs('cat', 'box:peek')).code, 3);
    assert.equal((await cp('box:peek', 'peek')).code, 3);
    assert.equal(existsSync(join(here, 'peek')), false);
  });

  it('lists, prints, writes, makes, moves, describes and removes', async () => {
    const wrote = await world.json(['fs', 'write', 'box:notes/../n.txt'], { cwd: here, input: 'line\n' });
    assert.deepEqual(wrote, { path: '/workspace/n.txt', bytes: 5 });
    assert.equal((await fs('cat', 'box:n.txt')).stdout, 'line\n');
    const cat = await fsJson('cat', 'box:n.txt');
    assert.deepEqual(cat, { path: '/workspace/n.txt', size: 5, encoding: 'utf8', content: 'line\n' });
    await world.heyvm(['fs', 'write', 'box:bin'], { input: Buffer.from([0, 255, 254]) });
    assert.deepEqual((await fsJson('cat', 'box:bin'))['encoding'], 'base64');

    assert.deepEqual(await fsJson('mkdir', 'box:d/e/f'), {
      path: '/workspace/d/e/f',
      created: ['/workspace/d', '/workspace/d/e', '/workspace/d/e/f'],
    });
    assert.equal((await fs('mkdir', 'box:d/e/f')).code, 0);
    assert.deepEqual(await fsJson('mv', 'box:n.txt', 'd/e'), {
      from: '/workspace/n.txt',
      to: '/workspace/d/e/n.txt',
    });
    const listed = (await world.json(['fs', 'ls', 'box:d/e'])) as unknown as {
      name: string;
      kind: string;
      size: number;
    }[];
    assert.deepEqual(
      listed.map(({ name, kind }) => [name, kind]),
      [
        ['f', 'folder'],
        ['n.txt', 'file'],
      ],
    );
    assert.match((await fs('ls', 'box:d/e')).stdout, /folder.*f\/\n.*file.*5 B.*n\.txt/);

    symlinkSync('d', join(workspace, 'ln'));
    assert.deepEqual(
      [(await fsJson('stat', 'box:ln'))['kind'], (await fsJson('stat', 'box:ln'))['target']],
      ['link', 'd'],
    );
    assert.equal((await fs('rm', 'box:d')).code, 2);
    assert.equal((await fs('rm', '-r', 'box:ln')).code, 0);
    assert.equal(existsSync(join(workspace, 'd', 'e', 'n.txt')), true);
    assert.equal((await fsJson('rm', '-r', 'box:d'))['removed'], 4);
    assert.equal(existsSync(join(workspace, 'd')), false);
    assert.equal((await fs('rm', '-r', 'box:/')).code, 2);
    for (const action of ['cat', 'ls', 'stat', 'rm'])
      assert.equal((await fs(action, 'box:absent')).code, 3, action);
    assert.equal((await fs('mv', 'box:absent', 'x')).code, 3);
  });
});

/** What a tree consists of, as text that can be compared. */
function outline(folder: string): string {
  const text = execFileSync('find', ['.', '-printf', '%P %y %m %l\\n'], { cwd: folder, encoding: 'utf8' });
  const lines = text.split('\n').filter(line => !line.startsWith(' '));
  return lines
    .map(line =>
      line.includes(' l ')
        ? `${line} ${readlinkSync(join(folder, line.slice(0, line.indexOf(' l '))))}`
        : line,
    )
    .sort()
    .join('\n');
}

// What a guest without a kernel sees of the host: its mounts, links inside them, and no way out.
import { strict as assert } from 'node:assert';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mount } from '../../protocol/sandbox.ts';
import { GuestTree } from './guestTree.ts';

describe('the files of a guest without a kernel', () => {
  let base: string;
  let tree: GuestTree;
  const at = (...parts: string[]): string => join(base, ...parts);

  beforeEach(() => {
    base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'hvt-')));
    for (const folder of ['work/sub', 'work/covered', 'work/.git/hooks', 'over', 'outside'])
      fs.mkdirSync(at(folder), { recursive: true });
    fs.writeFileSync(at('work/file'), 'content');
    fs.writeFileSync(at('work/.git/config'), 'config');
    fs.writeFileSync(at('over/below'), 'over');
    fs.writeFileSync(at('outside/secret'), 'secret');
    const mounts: readonly Mount[] = [
      { source: at('work'), target: '/workspace', mode: 'rw' },
      { source: at('over'), target: '/workspace/covered', mode: 'ro' },
      { source: at('work/.git'), target: '/workspace/.git', mode: 'ro' },
      { source: at('over'), target: '/data/deep', mode: 'rw' },
    ];
    tree = new GuestTree(mounts);
  });

  afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

  const read = (path: string): string => {
    const fd = tree.open(path, { read: true });
    try {
      return fs.readFileSync(fd, 'utf8');
    } finally {
      fs.closeSync(fd);
    }
  };
  const write = (path: string, text: string): void => {
    const fd = tree.open(path, { write: true, create: true, truncate: true });
    fs.writeSync(fd, text);
    fs.closeSync(fd);
  };
  const names = (path: string): string[] =>
    tree
      .list(path)
      .map(({ name }) => name)
      .sort();

  it('are those of the mounts, later ones over earlier ones, with folders on the way to them', () => {
    assert.equal(read('/workspace/file'), 'content');
    assert.equal(read('/workspace/covered/below'), 'over');
    assert.deepEqual(names('/'), ['data', 'workspace']);
    assert.deepEqual(names('/data'), ['deep']);
    assert.deepEqual(names('/workspace'), ['.git', 'covered', 'file', 'sub']);
    assert.ok(tree.stat('/data').isDirectory());
    assert.throws(() => tree.stat('/etc/passwd'), { code: 'ENOENT' });
  });

  it('can be written where the mount says so', () => {
    write('/workspace/sub/new', 'new');
    assert.equal(fs.readFileSync(at('work/sub/new'), 'utf8'), 'new');
    tree.makeFolder('/workspace/made');
    tree.rename('/workspace/sub/new', '/workspace/made/moved');
    tree.remove('/workspace/made/moved');
    tree.removeFolder('/workspace/made');
    assert.deepEqual(names('/workspace'), ['.git', 'covered', 'file', 'sub']);
  });

  const changes: readonly [what: string, change: () => void][] = [
    ['write', () => write('/workspace/.git/config', 'x')],
    ['append', () => void tree.open('/workspace/.git/config', { append: true })],
    ['truncate', () => void tree.open('/workspace/.git/config', { read: true, truncate: true })],
    ['create', () => write('/workspace/.git/hooks/pre-commit', 'x')],
    ['make', () => tree.makeFolder('/workspace/.git/refs')],
    ['remove', () => tree.remove('/workspace/.git/config')],
    ['move in', () => tree.rename('/workspace/file', '/workspace/.git/config')],
    ['move out', () => tree.rename('/workspace/.git/config', '/workspace/x')],
    ['move the mount', () => tree.rename('/workspace/.git', '/workspace/x')],
    ['move over the mount', () => tree.rename('/workspace/sub', '/workspace/.git')],
    ['remove the mount', () => tree.removeFolder('/workspace/covered')],
    ['move a folder above a mount', () => tree.rename('/data', '/workspace/data')],
    ['link', () => tree.makeLink('/workspace/.git/link', 'config')],
    ['change its mode', () => tree.setFolder('/workspace/.git', { mode: 0o777 })],
    ['write at the root', () => write('/new', 'x')],
  ];
  for (const [what, change] of changes) {
    it(`cannot be changed where the mount is read-only: ${what}`, () => {
      const before = snapshot(base);
      assert.throws(change);
      assert.deepEqual(snapshot(base), before);
    });
  }

  it('say of what is read-only that nobody may write it', () => {
    assert.equal(tree.stat('/workspace/.git/config').mode & 0o222, 0);
    assert.notEqual(tree.stat('/workspace/file').mode & 0o222, 0);
  });

  it('have links that lead where they would inside', () => {
    tree.makeLink('/workspace/relative', 'sub/../file');
    tree.makeLink('/workspace/absolute', '/workspace/file');
    tree.makeLink('/workspace/other', '../data/deep/below');
    assert.equal(read('/workspace/relative'), 'content');
    assert.equal(read('/workspace/absolute'), 'content');
    assert.equal(read('/workspace/other'), 'over');
    assert.equal(tree.readLink('/workspace/absolute'), '/workspace/file');
    assert.ok(tree.lstat('/workspace/relative').isSymbolicLink());
    assert.equal(tree.realPath('/workspace/other'), '/data/deep/below');
    tree.remove('/workspace/relative');
    assert.equal(read('/workspace/file'), 'content');
  });

  for (const target of ['/etc/passwd', '../../../../../../../../etc/passwd', 'self', '../..']) {
    it(`have no way out by a link to ${target}`, () => {
      fs.symlinkSync(target, at('work/self'));
      assert.throws(() => read('/workspace/self'));
      assert.throws(() => write('/workspace/self/x', 'x'));
      assert.throws(() => tree.list('/workspace/self/outside'));
    });
  }

  it('have no way out by a link that the host knows and the guest does not', () => {
    fs.symlinkSync(at('outside'), at('work/door'));
    fs.symlinkSync(at('outside/secret'), at('work/key'));
    assert.throws(() => read('/workspace/door/secret'), { code: 'ENOENT' });
    assert.throws(() => read('/workspace/key'), { code: 'ENOENT' });
    assert.throws(() => write('/workspace/key', 'x'));
    assert.throws(() => tree.rename('/workspace/file', '/workspace/door/stolen'));
    assert.equal(fs.readFileSync(at('outside/secret'), 'utf8'), 'secret');
    assert.deepEqual(fs.readdirSync(at('outside')), ['secret']);
  });

  it('have no way out by dots or strange names', () => {
    assert.throws(() => read('/workspace/../../../../etc/passwd'), { code: 'ENOENT' });
    assert.throws(() => read('workspace/file'), { code: 'EINVAL' });
    assert.throws(() => read('/workspace/file\0'), { code: 'EINVAL' });
    assert.equal(read('/workspace/sub/../../workspace/./file'), 'content');
  });

  it('never wait for what is no file', () => {
    for (const path of ['/workspace/sub', '/workspace', '/data'])
      assert.throws(() => read(path), { code: 'EISDIR' });
  });

  it('stay where they are when a folder becomes a link right before it is used', function () {
    if (process.platform !== 'linux') return this.skip();
    const secret = fs.readFileSync(at('outside/secret'), 'utf8');
    const original = fs.openSync;
    // The moment after the walk and before the folder is opened is the one that an attacker wants.
    const folder = at('work/sub');
    fs.writeFileSync(join(folder, 'secret'), 'inside');
    const fake = ((...parts: Parameters<typeof fs.openSync>) => {
      if (parts[0] === folder) {
        fs.renameSync(folder, `${folder}-moved`);
        fs.symlinkSync(at('outside'), folder);
      }
      return original(...parts);
    }) as typeof fs.openSync;
    const module = process.getBuiltinModule('node:fs');
    module.openSync = fake;
    process.getBuiltinModule('node:module').syncBuiltinESMExports();
    try {
      assert.throws(() => write('/workspace/sub/secret', 'stolen'));
    } finally {
      module.openSync = original;
      process.getBuiltinModule('node:module').syncBuiltinESMExports();
    }
    assert.ok(fs.lstatSync(folder).isSymbolicLink());
    assert.equal(fs.readFileSync(at('outside/secret'), 'utf8'), secret);
  });
});

/** Names, contents and modes of everything. */
function snapshot(folder: string): readonly string[] {
  return fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => {
    const path = join(folder, name);
    const { mode } = fs.lstatSync(path);
    return `${name} ${mode} ${fs.statSync(path).isFile() ? fs.readFileSync(path, 'utf8') : ''}`;
  });
}

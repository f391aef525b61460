// Folders that a guest left: whatever it did to keep them, they go, and nothing that they point to goes with them.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../../server/platform/removeTree.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { addRecord, removeFolder } from '../../server/store/sandboxes.ts';
import { newStore, recordOf } from './support.ts';

describe('a folder that a guest wrote', () => {
  let top: string;
  let tree: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'hvt-'));
    tree = join(top, 'tree');
    mkdirSync(tree);
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  /** As a guest does it: a step at a time, so that no path is ever too long. */
  const deepen = (folder: string) =>
    execFileSync(
      '/bin/sh',
      ['-c', `name=$(printf '%0200d' 0); for i in $(seq 60); do mkdir $name; cd -P $name; done; : > file`],
      { cwd: folder, stdio: 'ignore' },
    );

  it('goes when its folders are deeper than any path can say', async () => {
    deepen(tree);
    await removeTree(tree);
    assert.ok(!existsSync(tree));
  });

  it('goes when its folders may not be entered', async () => {
    mkdirSync(join(tree, 'a', 'b'), { recursive: true });
    writeFileSync(join(tree, 'a', 'b', 'file'), '');
    execFileSync('chmod', ['0', join(tree, 'a', 'b'), join(tree, 'a')]);
    await removeTree(tree);
    assert.ok(!existsSync(tree));
  });

  it('goes when it is both, with folders closed at every depth', async () => {
    deepen(tree);
    execFileSync('/bin/sh', ['-c', 'cd "$0" && chmod 500 . && cd 0* && chmod 0 .', tree]);
    await removeTree(tree);
    assert.ok(!existsSync(tree));
  });

  it('does not take along what its links point to', async () => {
    const outside = join(top, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'file'), 'mine');
    symlinkSync(outside, join(tree, 'link'));
    deepen(tree);
    await removeTree(tree);
    assert.ok(!existsSync(tree) && existsSync(join(outside, 'file')));
  });

  it('goes with its sandbox', async () => {
    const store = newStore();
    try {
      const base = recordOf(1);
      const { workspace, folder } = sandboxPaths(store.paths, base.id);
      await addRecord(store.paths, { ...base, workspace: { path: workspace, git: 'none' } });
      deepen(workspace);
      await removeFolder(store.paths, base.id);
      assert.ok(!existsSync(folder));
    } finally {
      store.dispose();
    }
  });
});

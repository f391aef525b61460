// Merging a branch into the main worktree: everything moves together, or nothing does.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { mergeBranch } from '../../server/worktrees/merge.ts';
import { forgetIdentity, type Lab, makeLab } from './support/repo.ts';

let lab: Lab;
let worktree: string;

beforeEach(() => {
  lab = makeLab();
  worktree = join(lab.folder, 'feature');
  lab.git(lab.main, 'worktree', 'add', '--quiet', '-b', 'feature', worktree);
});
afterEach(() => lab.dispose());

const merge = async () => mergeBranch(lab.host, await lab.repository(), 'feature');
const state = () => [
  lab.git(lab.main, 'rev-parse', 'HEAD'),
  lab.git(lab.main, 'status', '--porcelain', '--ignored'),
  lab.git(lab.main, 'diff', 'HEAD'),
];
const conflicts = async (pattern: RegExp): Promise<void> => {
  const before = state();
  await assert.rejects(merge, (error: unknown) => {
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, 'worktree-conflict', error.message);
    assert.match(error.message, pattern);
    return true;
  });
  assert.deepEqual(state(), before);
};

describe('merging a branch back', () => {
  it('moves forward when it can', async () => {
    const commit = lab.commit(worktree, { 'new.txt': 'x\n' });
    assert.deepEqual(await merge(), { branch: 'feature', into: 'main', commit, kind: 'fast-forward' });
    assert.equal(readFileSync(join(lab.main, 'new.txt'), 'utf8'), 'x\n');
    assert.equal(lab.git(lab.main, 'status', '--porcelain'), '');
    assert.equal((await merge()).kind, 'up-to-date');
  });

  it('makes a merge commit when both moved, and keeps changes elsewhere', async () => {
    lab.commit(worktree, { 'new.txt': 'x\n', 'src/app.txt': 'one\ntwo\nTHREE\n' });
    lab.commit(lab.main, { 'src/app.txt': 'ONE\ntwo\nthree\n' });
    lab.write(join(lab.main, 'README.md'), 'mine, uncommitted\n');
    lab.write(join(lab.main, 'untracked'), 'mine\n');
    const result = await merge();
    assert.equal(result.kind, 'merge');
    assert.equal(lab.git(lab.main, 'log', '-1', '--format=%P').split(' ').length, 2);
    assert.equal(readFileSync(join(lab.main, 'src/app.txt'), 'utf8'), 'ONE\ntwo\nTHREE\n');
    assert.equal(readFileSync(join(lab.main, 'README.md'), 'utf8'), 'mine, uncommitted\n');
    assert.equal(lab.git(lab.main, 'status', '--porcelain'), ' M README.md\n?? untracked');
  });

  it('asks for a name first when it has to make a commit', async () => {
    lab.commit(worktree, { 'new.txt': 'x\n' });
    lab.commit(lab.main, { 'README.md': 'ours\n' });
    forgetIdentity(lab);
    const before = state();
    await assert.rejects(merge, { code: 'command-failed', message: /in whose name/, hint: /user\.name/ });
    assert.deepEqual(state(), before);
  });

  it('names the files of a conflict', async () => {
    lab.commit(worktree, { 'README.md': 'theirs\n', 'a\nb': 'x' });
    lab.commit(lab.main, { 'README.md': 'ours\n' });
    await conflicts(/"README.md"/);
  });

  it('does not touch a file with changes', async () => {
    lab.commit(worktree, { 'README.md': 'theirs\n' });
    lab.write(join(lab.main, 'README.md'), 'mine\n');
    await conflicts(/"README.md"/);
    lab.git(lab.main, 'add', 'README.md');
    await conflicts(/"README.md"/);
  });

  it('does not write over files that git does not know, ignored or not', async () => {
    lab.write(join(lab.main, '.git/info/exclude'), '.env\n');
    lab.git(worktree, 'add', '--force', '--intent-to-add', '--', '.');
    lab.write(join(worktree, '.env'), 'theirs\n');
    lab.git(worktree, 'add', '--force', '.env');
    lab.git(worktree, 'commit', '--quiet', '-m', 'env');
    lab.commit(worktree, { 'folder/öä\nx': 'theirs\n' });
    lab.write(join(lab.main, '.env'), 'mine\n');
    await conflicts(/"\.env"/);
    rmSync(join(lab.main, '.env'));
    lab.write(join(lab.main, 'folder'), 'a file in the place of a folder\n');
    await conflicts(/folder/);
    rmSync(join(lab.main, 'folder'));
    lab.write(join(lab.main, 'folder/öä\nx'), 'mine\n');
    await conflicts(/folder/);
    rmSync(join(lab.main, 'folder'), { recursive: true });
    assert.equal((await merge()).kind, 'fast-forward');
  });

  it('turns a file into a folder and back', async () => {
    lab.git(worktree, 'rm', '--quiet', '-r', 'src', 'README.md');
    lab.commit(worktree, { src: 'now a file\n', 'README.md/x': 'now a folder\n' });
    assert.equal((await merge()).kind, 'fast-forward');
    assert.equal(readFileSync(join(lab.main, 'src'), 'utf8'), 'now a file\n');
    assert.equal(lab.git(lab.main, 'status', '--porcelain'), '');
  });

  it('waits for an unfinished merge to be ended, and for a branch to be checked out', async () => {
    lab.commit(worktree, { 'README.md': 'theirs\n' });
    lab.git(lab.main, 'branch', 'third');
    lab.commit(lab.main, { 'README.md': 'ours\n' });
    lab.tryGit(lab.main, 'merge', 'feature');
    await conflicts(/unfinished/);
    lab.git(lab.main, 'merge', '--abort');
    lab.git(lab.main, 'switch', '--quiet', '--detach');
    await conflicts(/no branch is checked out/);
  });

  it('runs no hook, even one that came with the branch', async () => {
    const canary = join(lab.folder, 'canary');
    for (const hook of [
      'post-merge',
      'post-checkout',
      'pre-merge-commit',
      'reference-transaction',
      'post-index-change',
    ]) {
      lab.write(join(worktree, '.husky', hook), `#!/bin/sh\ntouch ${canary}\n`);
    }
    lab.git(worktree, 'add', '.husky');
    lab.git(worktree, 'update-index', '--chmod=+x', '.husky/post-merge', '.husky/post-index-change');
    lab.git(worktree, 'commit', '--quiet', '-m', 'hooks');
    lab.git(lab.main, 'config', 'core.hooksPath', '.husky');
    await merge();
    assert.equal(existsSync(canary), false);
  });

  it('does not write through a ref that became a link', async () => {
    lab.commit(worktree, { x: 'x' });
    const elsewhere = join(lab.folder, 'elsewhere');
    lab.write(elsewhere, `${lab.git(lab.main, 'rev-parse', 'main')}\n`);
    rmSync(join(lab.main, '.git/refs/heads/main'));
    symlinkSync(elsewhere, join(lab.main, '.git/refs/heads/main'));
    await assert.rejects(merge, SandboxError);
    assert.equal(existsSync(join(lab.main, 'x')), false);
  });

  it('has nothing to merge into in a bare repository', async () => {
    const bare = join(lab.folder, 'bare.git');
    lab.git(lab.folder, 'clone', '--quiet', '--bare', lab.main, bare);
    await assert.rejects(mergeBranch(lab.host, await lab.repository(bare), 'feature'), /no main worktree/);
  });
});

// Taking single commits over into the main worktree: all that were named, or nothing.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { commitsToPick, pickCommits } from '../../server/worktrees/pick.ts';
import { forgetIdentity, type Lab, makeLab } from './support/repo.ts';

describe('picking commits of a branch', () => {
  let lab: Lab;
  let worktree: string;
  let first: string;
  let second: string;
  let third: string;

  beforeEach(() => {
    lab = makeLab();
    worktree = join(lab.folder, 'feature');
    lab.git(lab.main, 'worktree', 'add', '--quiet', '-b', 'feature', worktree);
    first = lab.commit(worktree, { 'one.txt': '1\n' }, 'One');
    second = lab.commit(worktree, { 'two.txt': '2\n' }, 'Two\n\nwith a body');
    third = lab.commit(worktree, { 'one.txt': '3\n' }, 'Three');
  });
  afterEach(() => lab.dispose());

  const from = async () => ({ repository: await lab.repository(), branch: 'feature' });
  const pick = async (...commits: string[]) => pickCommits(lab.host, await from(), commits);
  const offered = async () =>
    (await commitsToPick(lab.host, await from())).commits.map(({ subject }) => subject);
  const state = () => [
    lab.git(lab.main, 'rev-parse', 'HEAD'),
    lab.git(lab.main, 'status', '--porcelain', '--ignored'),
    lab.git(lab.main, 'diff', 'HEAD'),
  ];
  const refused = async (code: string, pattern: RegExp, ...commits: string[]): Promise<void> => {
    const before = state();
    await assert.rejects(pick(...commits), (error: unknown) => {
      assert.ok(error instanceof SandboxError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, pattern);
      return true;
    });
    assert.deepEqual(state(), before);
  };

  it('asks for a name first', async () => {
    forgetIdentity(lab);
    await refused('command-failed', /in whose name/, second);
  });

  it('takes what one commit changed, with its author and its words, and not what came before', async () => {
    lab.commit(lab.main, { 'README.md': 'moved on\n' });
    const picked = await pick(second);
    assert.equal(picked.taken, 1);
    assert.equal(picked.into, 'main');
    assert.equal(lab.git(lab.main, 'rev-parse', 'main'), picked.commit);
    assert.equal(readFileSync(join(lab.main, 'two.txt'), 'utf8'), '2\n');
    assert.ok(!existsSync(join(lab.main, 'one.txt')));
    assert.equal(lab.git(lab.main, 'status', '--porcelain'), '');
    const told = (commit: string) => lab.git(lab.main, 'log', '-1', '--format=%an %ae %aI %B', commit);
    assert.equal(told('HEAD'), told(second));
    assert.equal(lab.git(lab.main, 'log', '-1', '--format=%P').split(' ').length, 1);
  });

  it('offers what the branch has alone, and no longer what was picked', async () => {
    assert.deepEqual(await offered(), ['One', 'Two', 'Three']);
    await pick(second);
    assert.deepEqual(await offered(), ['One', 'Three']);
  });

  it('takes several in the order in which they are named, and none twice', async () => {
    assert.equal((await pick(first)).taken, 1);
    assert.equal((await pick(first, second, third)).taken, 2);
    assert.equal(readFileSync(join(lab.main, 'one.txt'), 'utf8'), '3\n');
    const subjects = lab.git(lab.main, 'log', '-3', '--reverse', '--format=%s').split('\n');
    assert.deepEqual(subjects, ['One', 'Two', 'Three']);
  });

  it('changes nothing when one of several is in conflict', async () => {
    await refused('worktree-conflict', /"one\.txt"/, second, third);
  });

  it('changes nothing over work of the main worktree that is in the way', async () => {
    lab.write(join(lab.main, 'two.txt'), 'mine\n');
    await refused('worktree-conflict', /"two\.txt"/, second);
  });

  it('takes no commit of somebody else, no merge, and none that does not exist', async () => {
    const other = lab.commit(lab.main, { 'other.txt': 'x\n' });
    await refused('branch-not-found', /no commit of feature/, other);
    await refused('branch-not-found', /no commit of feature/, 'f'.repeat(40));
    lab.git(worktree, 'merge', '--quiet', '--no-edit', 'main');
    await refused('worktree-conflict', /is a merge/, lab.git(worktree, 'rev-parse', 'HEAD'));
  });
});

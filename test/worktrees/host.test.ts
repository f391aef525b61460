// Looking at a worktree and removing it on the host, over trees that were made to be difficult.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { ensureWorktree } from '../../server/worktrees/create.ts';
import { diffOf } from '../../server/worktrees/diff.ts';
import { ownFolderOf } from '../../server/worktrees/gitFolder.ts';
import { gitMounts } from '../../server/worktrees/mounts.ts';
import { refuseUnsaved, removeWorktree } from '../../server/worktrees/remove.ts';
import type { Target } from '../../server/worktrees/status.ts';
import { type Lab, makeLab } from './support/repo.ts';

let lab: Lab;
let worktree: string;
let target: Target;

beforeEach(async () => {
  lab = makeLab();
  worktree = join(lab.folder, 'feature');
  const repository = await lab.repository();
  await ensureWorktree(lab.host, repository, { branch: 'feature', path: worktree, include: [] });
  target = {
    repository,
    worktree,
    branch: 'feature',
    own: await ownFolderOf(repository.commonDir, worktree),
  };
});
afterEach(() => lab.dispose());

const refused = async (): Promise<string | undefined> => {
  try {
    await refuseUnsaved(lab.host, target, {});
    return undefined;
  } catch (error) {
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, 'worktree-dirty', error.message);
    return error.message;
  }
};
const patch = async (): Promise<string> =>
  (await diffOf(lab.host, target, { format: 'patch' }, undefined)).patch;
const push = (): void => {
  lab.git(lab.main, 'update-ref', 'refs/remotes/origin/feature', 'feature');
};

describe('removal is refused', () => {
  it('not for a worktree as it was made', async () => assert.equal(await refused(), undefined));

  it('for a changed file, even when the index was told to look away', async () => {
    writeFileSync(join(worktree, 'README.md'), 'changed\n');
    lab.git(worktree, 'update-index', '--assume-unchanged', 'README.md');
    assert.match((await refused()) ?? '', /1 changed or new file: "README.md"/);
  });

  it('for a new, a deleted and a staged file', async () => {
    lab.write(join(worktree, 'new\nfile'), 'x');
    rmSync(join(worktree, 'README.md'));
    lab.write(join(worktree, 'staged'), 'x');
    lab.git(worktree, 'add', 'staged');
    rmSync(join(worktree, 'staged'));
    assert.match((await refused()) ?? '', /3 changed or new files/);
  });

  it('not for ignored files', async () => {
    lab.write(join(lab.main, '.git/info/exclude'), '*.log\n');
    lab.write(join(worktree, 'x.log'), 'x');
    assert.equal(await refused(), undefined);
  });

  it('for commits that only this branch has, and not when a remote or another branch has them', async () => {
    lab.commit(worktree, { a: '1' });
    lab.commit(worktree, { a: '2' });
    assert.match((await refused()) ?? '', /2 commits that no remote and no other branch has/);
    push();
    assert.equal(await refused(), undefined);
    lab.commit(worktree, { a: '3' });
    lab.git(lab.main, 'branch', 'keeper', 'feature');
    assert.equal(await refused(), undefined);
  });

  it('for commits of a detached HEAD', async () => {
    lab.git(worktree, 'switch', '--quiet', '--detach');
    lab.commit(worktree, { a: '1' });
    assert.match((await refused()) ?? '', /1 commit /);
  });

  it('for what lies in a nested repository', async () => {
    const inner = join(worktree, 'inner');
    lab.git(lab.folder, 'init', '--quiet', inner);
    lab.commit(inner, { x: 'x' });
    lab.git(worktree, 'add', 'inner');
    lab.commit(worktree, { y: 'y' });
    push();
    assert.match((await refused()) ?? '', /inner/);
  });

  it('not for what a sparse worktree leaves out', async () => {
    lab.git(worktree, 'sparse-checkout', 'set', '--no-cone', '/README.md');
    assert.equal(existsSync(join(worktree, 'src')), false);
    assert.equal(await refused(), undefined);
    assert.equal(await patch(), '');
    writeFileSync(join(worktree, 'README.md'), 'x\n');
    assert.match((await refused()) ?? '', /README/);
  });

  it('for stashes made inside', async () => {
    await gitMounts({ branch: 'feature', path: worktree, repository: lab.main });
    lab.write(
      join(lab.main, '.git/heyvm/feature/logs/refs/stash'),
      `${'0'.repeat(40)} ${'1'.repeat(40)} a <b> 1 +0000\tWIP\n`,
    );
    assert.match((await refused()) ?? '', /1 stash made inside/);
  });
});

describe('removing', () => {
  it('takes worktree and registration and leaves the branch', async () => {
    const tip = lab.commit(worktree, { a: '1' });
    await gitMounts({ branch: 'feature', path: worktree, repository: lab.main });
    await removeWorktree(target);
    assert.equal(existsSync(worktree), false);
    assert.equal(existsSync(target.own.gitDir), false);
    assert.equal(existsSync(join(lab.main, '.git/heyvm/feature')), false);
    assert.equal(lab.git(lab.main, 'rev-parse', 'feature'), tip);
    assert.equal(lab.git(lab.main, 'worktree', 'list', '--porcelain').includes('feature'), false);
    await ensureWorktree(lab.host, target.repository, { branch: 'feature', path: worktree, include: [] });
    assert.equal(readFileSync(join(worktree, 'a'), 'utf8'), '1');
  });

  it('follows no link and stops at no folder without permissions', async () => {
    const outside = join(lab.folder, 'outside');
    lab.write(join(outside, 'keep'), 'x');
    symlinkSync('/', join(worktree, 'root'));
    symlinkSync(outside, join(worktree, 'out'));
    symlinkSync(outside, join(target.own.gitDir, 'out'));
    lab.write(join(worktree, 'cache', 'mod', 'file'), 'x');
    chmodSync(join(worktree, 'cache', 'mod'), 0o555);
    chmodSync(join(worktree, 'cache'), 0o000);
    spawnSync('mkfifo', [join(worktree, 'pipe')]);
    await removeWorktree(target);
    assert.equal(existsSync(worktree), false);
    assert.equal(readFileSync(join(outside, 'keep'), 'utf8'), 'x');
  });
});

describe('the diff', () => {
  it('has committed, uncommitted and new files, applies, and changes nothing', async () => {
    lab.commit(worktree, { 'a.txt': 'committed\n' });
    writeFileSync(join(worktree, 'README.md'), 'hello\nmore\n');
    lab.write(join(worktree, 'new dir', 'öä\n"x"'), 'new\n');
    writeFileSync(join(worktree, 'blob.bin'), Buffer.from([0, 1, 2, 255]));
    rmSync(join(worktree, 'src'), { recursive: true });
    lab.commit(lab.main, { 'later.txt': 'not part of it\n' });
    const objects = lab.git(lab.main, 'count-objects', '-v');
    const status = lab.git(worktree, 'status', '--porcelain');
    const index = readFileSync(join(target.own.gitDir, 'index'));
    const { base, patch: text } = await diffOf(lab.host, target, { format: 'patch' }, undefined);
    assert.equal(base, lab.git(lab.main, 'merge-base', 'main', 'feature'));
    assert.equal(lab.git(lab.main, 'count-objects', '-v'), objects);
    assert.deepEqual(readFileSync(join(target.own.gitDir, 'index')), index);
    assert.equal(lab.git(worktree, 'status', '--porcelain'), status);
    const copy = join(lab.folder, 'copy');
    lab.git(lab.main, 'worktree', 'add', '--quiet', '--detach', copy, base);
    lab.write(join(lab.folder, 'p'), text);
    lab.git(copy, 'apply', join(lab.folder, 'p'));
    const difference = spawnSync('diff', ['-r', '--exclude=.git', copy, worktree], { encoding: 'utf8' });
    assert.equal(difference.stdout, '');
    const stat = await diffOf(lab.host, target, { format: 'stat', base: 'main' }, undefined);
    assert.match(stat.patch, /5 files changed/);
  });

  it('has no file of the host behind a link', async () => {
    symlinkSync('/etc', join(worktree, 'etc'));
    symlinkSync('/etc/passwd', join(worktree, 'passwd'));
    const text = await patch();
    assert.equal(text.includes('root:'), false);
    assert.match(text, /new file mode 120000/);
  });

  it('does not wait on pipes, and copes with ten thousand files', async () => {
    rmSync(join(worktree, 'README.md'));
    spawnSync('mkfifo', [join(worktree, 'README.md'), join(worktree, 'new-pipe')]);
    mkdirSync(join(worktree, 'many'));
    for (let number = 0; number < 10_000; number += 1)
      writeFileSync(join(worktree, 'many', `f${number}`), `${number}`);
    assert.match(await patch(), /many\/f9999/);
    assert.match((await refused()) ?? '', /100\d\d changed or new files/);
    await removeWorktree(target);
    assert.equal(existsSync(worktree), false);
  });

  it('runs no filter and no textconv of the person that a tree names', async () => {
    const canary = join(lab.folder, 'canary');
    const evil = `touch ${canary}; cat`;
    lab.write(
      join(lab.home, '.gitconfig'),
      `[user]\n\tname = Ada\n\temail = a@b.c\n[filter "mine"]\n\tclean = "${evil}"\n\tsmudge = "${evil}"\n\tprocess = "touch ${canary}"\n\trequired = true\n[diff "mine"]\n\ttextconv = "${evil}"\n\tcommand = "touch ${canary}"\n[diff]\n\texternal = "touch ${canary}"\n[core]\n\tfsmonitor = "touch ${canary}"\n\tpager = "touch ${canary}"\n`,
    );
    lab.write(
      join(worktree, '.gitattributes'),
      '[attr]all filter=mine diff=mine\n* filter=mine diff=mine\n*.md all\n',
    );
    lab.write(join(worktree, 'src/.gitattributes'), '* filter=mine\n');
    writeFileSync(join(worktree, 'README.md'), 'changed\n');
    writeFileSync(join(worktree, 'src/app.txt'), 'changed\n');
    assert.match(await patch(), /\+changed/);
    assert.match((await refused()) ?? '', /README/);
    assert.equal(existsSync(canary), false);
  });

  it('skips what cannot be read', async function () {
    if (process.getuid?.() === 0) {
      console.log('not run: root can read everything');
      this.skip();
    }
    lab.write(join(worktree, 'readable'), 'x');
    lab.write(join(worktree, 'secret'), 'x');
    chmodSync(join(worktree, 'secret'), 0o000);
    assert.match(await patch(), /readable/);
  });
});

describe('mounts are refused', () => {
  const mounts = (): Promise<unknown> =>
    gitMounts({ branch: 'feature', path: worktree, repository: lab.main });
  const because = async (pattern: RegExp): Promise<void> => {
    await assert.rejects(mounts, (error: unknown) => {
      assert.ok(error instanceof SandboxError, String(error));
      assert.match(error.message, pattern);
      assert.ok(error.hint);
      return true;
    });
  };

  const swaps = [
    'objects',
    'refs',
    'logs',
    'objects/info',
    'refs/replace',
    'worktrees',
    'worktrees/feature',
    'heyvm',
  ];
  for (const name of swaps) {
    it(`when ${name} became a link between two runs`, async () => {
      await mounts();
      const path = join(lab.main, '.git', name);
      rmSync(path, { recursive: true, force: true });
      symlinkSync(lab.home, path);
      await because(/must be|not point|does not exist|is not a sound/);
    });
  }

  for (const name of ['commondir', 'gitdir', 'config.worktree']) {
    it(`when ${name} became a link`, async () => {
      await mounts();
      rmSync(join(target.own.gitDir, name));
      symlinkSync('/etc/passwd', join(target.own.gitDir, name));
      await because(/symbolic link/);
    });
  }

  it('when the .git file became something else', async () => {
    const file = join(worktree, '.git');
    rmSync(file);
    symlinkSync('/etc/passwd', file);
    await because(/symbolic link/);
    rmSync(file);
    writeFileSync(file, 'gitdir: /etc\n');
    await because(/does not point into/);
    rmSync(file);
    spawnSync('mkfifo', [file]);
    await because(/special file/);
  });

  it('for a worktree that holds another one, or the repository itself', async () => {
    lab.git(lab.main, 'worktree', 'add', '--quiet', '--detach', join(worktree, 'deep', 'other'));
    await because(/another worktree lies inside it/);
  });

  it('for the main worktree', async () => {
    await assert.rejects(gitMounts({ branch: 'main', path: lab.main, repository: lab.main }), SandboxError);
  });

  it('not twice for what is right: the second time gives the same', async () => {
    assert.deepEqual(await mounts(), await mounts());
  });
});

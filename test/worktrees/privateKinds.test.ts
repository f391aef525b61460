// Private git folders of every kind of repository: made, committed in, and imported from.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import type { SandboxId } from '../../server/protocol/sandbox.ts';
import { ensureWorktree } from '../../server/worktrees/create.ts';
import { ownFolderOf } from '../../server/worktrees/gitFolder.ts';
import { importCommits } from '../../server/worktrees/importing.ts';
import { canJail, openJail } from './support/jail.ts';
import { type Lab, makeLab } from './support/repo.ts';

const sandbox = 'sb-00000001' as SandboxId;

describe('private git folders of other kinds of repositories', () => {
  before(function () {
    if (!canJail()) this.skip();
  });

  const labs: Lab[] = [];
  const newLab = (...init: string[]): Lab => {
    const lab = makeLab({ init });
    labs.push(lab);
    return lab;
  };
  afterEach(() => {
    for (const lab of labs.splice(0)) lab.dispose();
  });

  /** Commits inside, imports, and answers what the shell printed before. */
  const roundTrip = async (
    lab: Lab,
    main: string,
    look = 'true',
    prepare = (_: string): void => {},
  ): Promise<string> => {
    const repository = await lab.repository(main);
    const worktree = join(lab.folder, 'feature');
    await ensureWorktree(lab.host, repository, { branch: 'feature', path: worktree, include: [] });
    prepare(worktree);
    const jail = await openJail(
      { ...lab, main, repository: () => lab.repository(main) },
      worktree,
      'private',
    );
    const printed = jail.ok(
      `${look}; test -z "$(git status --porcelain)"; git log --oneline >/dev/null 2>/tmp/e; test ! -s /tmp/e`,
    );
    jail.ok('echo x > x; git add --sparse x; git commit -qm inside; git fetch -q host; git fsck');
    const own = await ownFolderOf(repository.commonDir, worktree);
    const target = { repository, own, worktree, branch: 'feature' };
    await importCommits(lab.host, { target, server: { guest: jail.guest, repository }, sandbox });
    const ref = `refs/heyvm/${sandbox}/heads/feature`;
    assert.equal(lab.git(main, 'log', '-1', '--format=%s', ref), 'inside');
    assert.equal(lab.git(main, 'fsck', '--no-dangling'), '');
    return printed;
  };

  it('SHA-256 objects', async () => {
    const lab = newLab('--object-format=sha256');
    await roundTrip(lab, lab.main);
  });

  it('objects borrowed from another repository', async () => {
    const lab = newLab();
    const borrower = join(lab.folder, 'borrower');
    lab.git(lab.folder, 'clone', '--quiet', '--shared', newLab().main, borrower);
    await roundTrip(lab, borrower);
  });

  it('a shallow clone', async () => {
    const lab = newLab();
    lab.commit(lab.main, { f: '1' });
    const shallow = join(lab.folder, 'shallow');
    lab.git(lab.folder, 'clone', '--quiet', '--depth=1', `file://${lab.main}`, shallow);
    assert.equal(await roundTrip(lab, shallow, 'git log --oneline | wc -l'), '1');
  });

  it('a bare repository', async () => {
    const lab = newLab();
    const bare = join(lab.folder, 'bare.git');
    lab.git(lab.folder, 'clone', '--quiet', '--bare', lab.main, bare);
    await roundTrip(lab, bare);
  });

  it('a sparse worktree, and one with a split index', async () => {
    const lab = newLab();
    const printed = await roundTrip(lab, lab.main, 'ls', worktree => {
      lab.git(worktree, 'sparse-checkout', 'set', '--no-cone', '/README.md');
      lab.git(worktree, 'update-index', '--split-index');
    });
    assert.equal(printed, 'README.md');
  });

  it('files whose line ends the repository’s own settings decide', async () => {
    const lab = newLab();
    lab.git(lab.main, 'config', 'core.autocrlf', 'true');
    await roundTrip(lab, lab.main, 'grep -c "$(printf "\\r")" README.md');
  });
});

// What a repository's own configuration would have git run, when an agent names that repository.
import { strict as assert } from 'node:assert';
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureWorktree } from '../../server/worktrees/create.ts';
import type { Host } from '../../server/worktrees/hostGit.ts';
import { refuseOwnPrograms } from '../../server/worktrees/ownPrograms.ts';
import { type Lab, makeLab } from './support/repo.ts';

describe('programs that a repository names itself', () => {
  let lab: Lab;

  beforeEach(() => {
    lab = makeLab();
  });
  afterEach(() => lab.dispose());

  const refuse = async () => refuseOwnPrograms(lab.host, await lab.repository(), 'heyvm wt x');
  const refused = (pattern: RegExp) => assert.rejects(refuse(), { code: 'policy-refused', message: pattern });

  for (const [key, value] of [
    ['filter.evil.smudge', 'touch /tmp/x'],
    ['filter.evil.process', 'touch /tmp/x'],
    ['filter.lfs.smudge', 'touch /tmp/x'],
    ['Filter.Evil.Clean', 'touch /tmp/x'],
    ['merge.evil.driver', 'touch /tmp/x'],
    ['include.path', 'more'],
    ['includeIf.gitdir:**/worktrees/**.path', 'more'],
  ] as const) {
    it(`are refused for ${key}`, async () => {
      lab.git(lab.main, 'config', key, value);
      await refused(new RegExp(key.replaceAll('*', '\\*').toLowerCase(), 'i'));
    });
  }

  it('are refused where they stand in a file for one worktree', async () => {
    lab.git(lab.main, 'config', 'extensions.worktreeConfig', 'true');
    lab.git(lab.main, 'config', '--worktree', 'filter.evil.smudge', 'touch /tmp/x');
    await refused(/filter\.evil\.smudge/);
  });

  it('are none where LFS is set up for the repository, and those of the person', async () => {
    lab.git(lab.main, 'config', 'filter.lfs.clean', 'git-lfs clean -- %f');
    lab.git(lab.main, 'config', 'filter.lfs.smudge', 'git-lfs smudge -- %f');
    lab.git(lab.main, 'config', 'filter.lfs.process', 'git-lfs filter-process');
    lab.git(lab.main, 'config', '--global', 'filter.mine.smudge', 'sed s/a/b/');
    lab.git(lab.main, 'config', 'alias.x', '!true');
    await refuse();
  });

  it('are not looked for in a tree that is not the repository’s own', async () => {
    const other = join(lab.folder, 'other');
    mkdirSync(other);
    lab.git(lab.main, 'config', 'core.worktree', other);
    await refused(/other/);
  });

  it('fetch nothing that a partial clone lacks', async () => {
    const ran = join(lab.folder, 'ran');
    lab.write(join(lab.folder, 'ssh'), `#!/bin/sh\ntouch ${ran}\nexit 1\n`);
    chmodSync(join(lab.folder, 'ssh'), 0o755);
    lab.git(lab.main, 'branch', 'lacking');
    const [, blob = ''] = /blob (\S+)/.exec(lab.git(lab.main, 'ls-tree', 'HEAD', 'README.md')) ?? [];
    rmSync(join(lab.main, '.git', 'objects', blob.slice(0, 2), blob.slice(2)));
    for (const [key, value] of [
      ['remote.origin.url', 'ssh://nowhere.invalid/x'],
      ['remote.origin.promisor', 'true'],
      ['extensions.partialClone', 'origin'],
      ['core.repositoryFormatVersion', '1'],
      ['core.sshCommand', join(lab.folder, 'ssh')],
    ] as const)
      lab.git(lab.main, 'config', key, value);
    const open = async (host: Host) =>
      ensureWorktree(host, await lab.repository(), {
        branch: 'lacking',
        path: join(lab.folder, 'lacking'),
        include: [],
      });
    await assert.rejects(open({ ...lab.host, offline: true }));
    assert.ok(!existsSync(ran));
    // What this is about: for a person, whose repository it is, git does fetch.
    await assert.rejects(open(lab.host));
    assert.ok(existsSync(ran));
  });
});

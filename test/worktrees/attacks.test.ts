// Programs in a jail plant what could run on the host; then git runs on the host, plainly and as heyvm runs it.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { listBranches } from '../../server/worktrees/branches.ts';
import { ensureWorktree } from '../../server/worktrees/create.ts';
import { diffOf } from '../../server/worktrees/diff.ts';
import { ownFolderOf } from '../../server/worktrees/gitFolder.ts';
import { hazardsOf } from '../../server/worktrees/hazards.ts';
import { mergeBranch } from '../../server/worktrees/merge.ts';
import { gitMounts } from '../../server/worktrees/mounts.ts';
import { removeWorktree } from '../../server/worktrees/remove.ts';
import { listRegistered, type Repository } from '../../server/worktrees/repository.ts';
import { type Target, unsavedWork } from '../../server/worktrees/status.ts';
import { canJail, type Jail, openJail } from './support/jail.ts';
import { attacks, evilConfig, evilRepository } from './support/plants.ts';
import { type Lab, makeLab } from './support/repo.ts';

describe('what a guest plants does not run on the host', function () {
  this.timeout(120_000);
  let lab: Lab;
  let worktree: string;
  let jail: Jail;
  let repository: Repository;
  let target: Target;
  let canary: string;
  let rc: string;

  before(function () {
    if (canJail()) return;
    console.log('not run: bubblewrap cannot make a jail on this machine');
    this.skip();
  });

  beforeEach(async () => {
    lab = makeLab();
    canary = join(lab.folder, 'canary');
    rc = join(lab.folder, 'home', '.bashrc');
    lab.write(rc, '# mine\n');
    repository = await lab.repository();
    lab.git(lab.main, 'worktree', 'add', '--quiet', '-b', 'other', join(lab.folder, 'other'));
    worktree = join(lab.folder, 'feature');
    await ensureWorktree(lab.host, repository, { branch: 'feature', path: worktree, include: [] });
    jail = await openJail(lab, worktree);
    target = {
      repository,
      worktree,
      branch: 'feature',
      own: await ownFolderOf(repository.commonDir, worktree),
    };
  });
  afterEach(() => lab.dispose());

  const plant = (script: string): void => {
    const prelude = [
      `C='${repository.commonDir}'; O='${target.own.gitDir}'; W='${worktree}'; M='${lab.main}'; RC='${rc}'`,
      `EVIL='touch ${canary}'`,
      evilRepository,
      evilConfig,
      'exec 2>/dev/null',
    ];
    jail.sh(`${prelude.join('\n')}\n${script}\n`);
  };

  /** What a person would run without thinking. */
  const plainInMain = (): void => {
    for (const args of [
      ['status'],
      ['log', '--all', '--oneline', '-5'],
      ['diff'],
      ['diff', 'HEAD', '--stat'],
      ['branch', '--all', '-vv'],
      ['stash', 'list'],
      ['reflog', '-3'],
      ['worktree', 'list'],
      ['show', '--stat', 'feature'],
      ['fetch', '--all'],
      ['commit', '--quiet', '--allow-empty', '-m', 'more'],
      ['merge', '--quiet', '--no-edit', 'feature'],
      ['gc', '--auto'],
      ['checkout', '--quiet', '-'],
    ]) {
      lab.tryGit(lab.main, ...args);
    }
    lab.tryGit(join(lab.folder, 'other'), 'status');
  };
  const plainInWorktree = (): void => {
    for (const args of [
      ['status'],
      ['log', '-3'],
      ['diff'],
      ['diff', 'HEAD'],
      ['branch'],
      ['stash', 'list'],
      ['ls-files'],
    ]) {
      lab.tryGit(worktree, ...args);
    }
  };

  /** Expected failures are fine; a defect or a hang is not. */
  const tolerant = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      assert.ok(error instanceof SandboxError, String(error));
      assert.notEqual(error.code, 'internal', error.message);
      assert.notEqual(error.code, 'timeout', error.message);
    }
  };
  const ourOwn = async (): Promise<void> => {
    const { host } = lab;
    // Every call begins with this, and refuses refs that nothing should read.
    await tolerant(() => lab.repository());
    if (!(await isReadable())) return;
    await tolerant(() => listBranches(host, repository));
    await tolerant(() => listRegistered(repository));
    await tolerant(() => hazardsOf(target.own, worktree));
    await tolerant(() => unsavedWork(host, target, undefined));
    await tolerant(() => diffOf(host, target, { format: 'patch' }, undefined));
    await tolerant(() => diffOf(host, target, { format: 'stat' }, undefined));
    await tolerant(() => gitMounts({ branch: 'feature', path: worktree, repository: repository.root }));
    await tolerant(() => mergeBranch(host, repository, 'feature'));
  };
  const isReadable = (): Promise<boolean> =>
    lab.repository().then(
      () => true,
      () => false,
    );
  const nothingRan = (when: string): void => {
    assert.equal(existsSync(canary), false, `something ran: ${when}`);
    assert.equal(readFileSync(rc, 'utf8'), '# mine\n', `a file of the person changed: ${when}`);
  };

  for (const [name, { script, plainStatus }] of Object.entries(attacks)) {
    it(name, async () => {
      plant(script);
      nothingRan('while it was planted');
      await ourOwn();
      nothingRan('heyvm looked at the worktree');
      if (plainStatus !== 'waits') plainInMain();
      nothingRan('git ran in the main worktree');
      await ourOwn();
      nothingRan('heyvm looked again');
      if (plainStatus === 'runs it') {
        // Nothing that the host can set keeps git status out of a nested repository, so people are warned instead.
        assert.match((await hazardsOf(target.own, worktree)).join('\n'), /nested repositories/);
      } else if (plainStatus !== 'waits') {
        plainInWorktree();
        nothingRan('git ran in the worktree');
      }
      await tolerant(() => removeWorktree(target));
      nothingRan('the worktree was removed');
      assert.equal(lab.git(lab.main, 'rev-parse', '--is-inside-work-tree'), 'true');
    });
  }

  it('warns exactly of nested repositories that git would enter', async () => {
    plant('evil loose');
    assert.deepEqual(await hazardsOf(target.own, worktree), []);
    plant('git -c core.fsmonitor= add loose');
    assert.match((await hazardsOf(target.own, worktree)).join('\n'), /"loose"/);
    lab.tryGit(worktree, 'status');
    assert.equal(existsSync(canary), true, 'git has become safe here: the warning and its sentence can go');
  });

  // Without the narrowing these reach the host; if one of them stops doing so, its attack proves nothing any more.
  const works = [
    'commondir in the main git folder',
    'its own commondir, written',
    'its own commondir, renamed over',
    'the .git file, written',
    'the .git file, renamed over',
    'the configuration',
    'hooks',
    'reflogs that are links',
  ];
  for (const name of works) {
    it(`would run with the whole git folder writable: ${name}`, async () => {
      jail = await openJail(lab, worktree, 'careless');
      plant(`ln -s . $C/host; ${attacks[name]?.script}`);
      plainInMain();
      plainInWorktree();
      lab.tryGit(worktree, 'commit', '--quiet', '--allow-empty', '-m', `$(touch ${canary})`);
      const changed = readFileSync(rc, 'utf8') !== '# mine\n';
      assert.equal(existsSync(canary) || changed, true);
    });
  }
});

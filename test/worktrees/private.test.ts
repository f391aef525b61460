// A guest with a git folder of its own, over real owners and jails: what git does inside, and how commits come to the host.
import { strict as assert } from 'node:assert';
import { existsSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { ownFolderOf } from '../../server/worktrees/gitFolder.ts';
import { privateOf } from '../../server/worktrees/privatePlaces.ts';
import { type Engine, needEngine, newEngine } from '../process/support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { type Lab, makeLab } from './support/repo.ts';

describe('a private git folder', function () {
  this.timeout(180_000);
  let lab: Lab;
  let engine: Engine;

  before(needEngine);
  beforeEach(() => {
    lab = makeLab();
    engine = newEngine({ env: { HOME: lab.home } });
  });
  afterEach(async () => {
    await engine.dispose();
    lab.dispose();
  });

  const at = () => ({ cwd: lab.main, branch: 'feature' });
  const open = () => engine.call('worktree/open', { ...at(), spec: { type: 'code' } });
  const worktree = (): string => join(lab.folder, 'feature');
  const bring = () => engine.call('worktree/import', at());
  const inside = async (script: string): Promise<string> => {
    const { end, out } = await engine.exec('wt-feature', 'sh', '-ec', script);
    assert.deepEqual(end, { kind: 'exited', code: 0 }, out);
    return out.trimEnd();
  };
  const commit = (name: string) =>
    inside(`echo ${name} > ${name}; git add ${name}; git commit -qm ${name}; git rev-parse HEAD`);
  const failsWith = async (code: string, work: Promise<unknown>): Promise<SandboxError> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  };
  const repositoryInside = async (): Promise<string> => {
    const own = await ownFolderOf(join(lab.main, '.git'), worktree());
    return privateOf(own).repository;
  };

  it('begins clean at the branch, with the identity of the person and without the host’s configuration', async () => {
    lab.git(lab.main, 'config', 'remote.origin.url', 'https://token@example.org/x');
    lab.git(lab.main, 'tag', 'v1');
    const { sandbox } = await open();
    assert.equal(sandbox.workspace.git, 'private');
    assert.equal(
      await inside('git status --porcelain; git branch --show-current; git describe --tags'),
      'feature\nv1',
    );
    assert.equal(
      await inside('git log -1 --format=%s main; git log -1 --format=%s host/main'),
      'first\nfirst',
    );
    assert.equal(
      await inside('git config user.name; git config --get-regexp token || true; git fsck'),
      'Ada',
    );
    const head = await commit('one');
    assert.equal(lab.tryGit(lab.main, 'cat-file', '-e', head).code !== 0, true);
    assert.equal(lab.git(lab.main, 'log', '-1', '--format=%s', 'feature'), 'first');
    assert.equal(
      await inside('git gc -q; git pack-refs --all; git branch -D main; git worktree list | wc -l'),
      `Deleted branch main (was ${lab.git(lab.main, 'rev-parse', '--short', 'main')}).\n1`,
    );
    assert.equal(lab.git(lab.main, 'fsck', '--strict'), '');
  });

  it('keeps commits, index and stashes over a stop and a new sandbox', async () => {
    await open();
    const head = await commit('one');
    await inside('echo x >> README.md; git stash -q; echo y > staged; git add staged');
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    await open();
    assert.equal(
      await inside('git rev-parse HEAD; git stash list | wc -l; git diff --cached --name-only'),
      `${head}\n1\nstaged`,
    );
    await engine.call('sandbox/remove', { sandbox: 'wt-feature', force: true });
    await open();
    assert.equal(await inside('git rev-parse HEAD'), head);
  });

  it('brings commits, tags and stashes to the host, and says what', async () => {
    const { sandbox } = await open();
    const head = await commit('one');
    const base = `refs/heyvm/${sandbox.id}`;
    await inside('git tag -a -m note t1; git branch other; echo x >> README.md; git stash -q');
    const { refs, ignored } = await bring();
    assert.deepEqual(ignored, []);
    const stash = refs.find(({ name }) => name.startsWith('stash/'));
    assert.deepEqual(
      refs.map(({ name, ref, kind }) => [name, ref, kind]).sort(),
      [
        ['HEAD', `${base}/HEAD`, 'new'],
        ['refs/heads/feature', `${base}/heads/feature`, 'new'],
        ['refs/heads/other', `${base}/heads/other`, 'new'],
        ['refs/tags/t1', `${base}/tags/t1`, 'new'],
        [stash?.name, `${base}/${stash?.name}`, 'new'],
      ].sort(),
    );
    assert.equal(refs.find(({ name }) => name === 'refs/heads/feature')?.commits, 1);
    assert.equal(lab.git(lab.main, 'rev-parse', `${base}/heads/feature`), head);
    assert.equal(lab.git(lab.main, 'log', '-1', '--format=%an %s', `${base}/heads/feature`), 'Ada one');
    assert.match(lab.git(lab.main, 'show', '--stat', stash?.ref ?? ''), /README/);
    assert.equal(lab.git(lab.main, 'fsck', '--strict', '--no-dangling'), '');
    assert.deepEqual((await bring()).refs, []);
    const rewritten = await inside('git commit -q --amend -m again; git rev-parse HEAD');
    const again = await bring();
    assert.deepEqual(again.refs.map(({ name, kind }) => [name, kind]).sort(), [
      ['HEAD', 'rewritten'],
      ['refs/heads/feature', 'rewritten'],
    ]);
    assert.equal(lab.git(lab.main, 'rev-parse', `${base}/heads/feature`), rewritten);
    assert.equal(lab.git(lab.main, 'rev-parse', `${base}/heads/feature@{1}`), head);
    assert.deepEqual(incoming(), []);
  });

  const incoming = (): string[] =>
    readdirSync(join(lab.main, '.git', 'heyvm')).filter(name => name.startsWith('incoming'));

  it('merges what was committed inside, and shows it as a difference', async () => {
    await open();
    await commit('one');
    await inside('echo changed >> README.md; echo new > new.txt');
    const { patch } = await engine.call('worktree/diff', at());
    for (const file of ['one', 'README.md', 'new.txt']) assert.ok(patch.includes(`b/${file}\n`), file);
    lab.commit(lab.main, { other: 'x' });
    const merged = await engine.call('worktree/merge', at());
    assert.equal(merged.kind, 'merge');
    assert.ok(existsSync(join(lab.main, 'one')));
    await inside('git fetch -q host; git merge -q --no-edit host/main; test -f other');
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    const stopped = await engine.call('worktree/diff', at());
    assert.ok(stopped.patch.includes('b/new.txt'));
  });

  it('fetches branches that the host made meanwhile', async () => {
    await open();
    lab.commit(lab.main, { later: 'x' });
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    await open();
    await inside('git fetch -q host; git merge -q host/main; test -f later');
  });

  it('is imported from a running sandbox only, and stops the merge of a stopped one that has more', async () => {
    await open();
    const head = await commit('one');
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    assert.match((await failsWith('not-running', bring())).hint ?? '', /heyvm start/);
    await failsWith('not-running', engine.call('worktree/merge', at()));
    await open();
    await bring();
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    assert.equal((await engine.call('worktree/merge', at())).commit, head);
    await engine.call('worktree/open', { cwd: lab.main, branch: 'shared' });
    await failsWith('worktree-conflict', engine.call('worktree/import', { cwd: lab.main, branch: 'shared' }));
  });

  const stop = async (): Promise<void> => {
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
  };
  const states: Readonly<Record<string, () => Promise<void>>> = {
    running: async () => {},
    stopped: stop,
    'stopped and packed': async () => {
      await inside('git pack-refs --all');
      await stop();
    },
    removed: async () => {
      await engine.call('sandbox/remove', { sandbox: 'wt-feature', force: true });
    },
  };
  for (const [state, prepare] of Object.entries(states)) {
    it(`is not removed with commits that only it has: ${state}`, async () => {
      await open();
      await inside('git switch -qc work; echo x > x; git add x; git commit -qm x; git switch -q feature');
      await prepare();
      const refused = await failsWith('worktree-dirty', engine.call('worktree/remove', at()));
      assert.match(refused.message, /not imported: work$/);
      assert.match(refused.hint ?? '', /--import/);
      await open();
      await bring();
      await prepare();
      await engine.call('worktree/remove', at());
      assert.equal(existsSync(worktree()), false);
      assert.deepEqual(readdirSync(join(lab.main, '.git', 'heyvm')), []);
      assert.equal(
        lab.git(lab.main, 'for-each-ref', '--format=%(contents:subject)', 'refs/heyvm').split('\n')[0],
        'x',
      );
    });
  }

  it('is not removed with a stash or with changed files, and is with force', async () => {
    await open();
    await inside('echo x >> README.md; git stash -q');
    assert.match(
      (await failsWith('worktree-dirty', engine.call('worktree/remove', at()))).message,
      /a stash$/,
    );
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    assert.match(
      (await failsWith('worktree-dirty', engine.call('worktree/remove', at()))).message,
      /a stash$/,
    );
    await open();
    await bring();
    await inside('echo x > unsaved');
    assert.match(
      (await failsWith('worktree-dirty', engine.call('worktree/remove', at()))).message,
      /"unsaved"$/,
    );
    await engine.call('worktree/remove', { ...at(), force: true });
  });

  it('is not removed while it cannot be told what it has', async () => {
    await open();
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    symlinkSync('/etc/passwd', join(await repositoryInside(), 'refs', 'heads', 'linked'));
    assert.match(
      (await failsWith('worktree-dirty', engine.call('worktree/remove', at()))).message,
      /cannot be read/,
    );
  });

  it('is not taken over by a new worktree of the same name', async () => {
    await open();
    await commit('one');
    await engine.call('sandbox/remove', { sandbox: 'wt-feature', force: true });
    lab.git(lab.main, 'worktree', 'remove', '--force', worktree());
    await open();
    assert.equal(await inside('git log -1 --format=%s'), 'first');
    const kept = readdirSync(join(lab.main, '.git', 'heyvm', 'feature')).filter(name =>
      name.endsWith('.old'),
    );
    assert.equal(kept.length, 1);
  });

  it('ends when the file under its pointer is replaced on the host, for with it goes the mount', async () => {
    await open();
    writeFileSync(join(lab.folder, 'new'), readFileSync(join(worktree(), '.git')));
    renameSync(join(lab.folder, 'new'), join(worktree(), '.git'));
    await eventually(async () => (await engine.get('wt-feature')).status !== 'running', {
      what: 'the end of the guest',
    });
  });
});

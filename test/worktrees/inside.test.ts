// What git can do in a jail with narrowed mounts, what it cannot, and that neither damages the repository.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { ensureWorktree } from '../../server/worktrees/create.ts';
import { canJail, type Jail, openJail } from './support/jail.ts';
import { type Lab, makeLab } from './support/repo.ts';

type Setup = { lab: Lab; worktree: string; jail: Jail };

async function setUp(lab: Lab, kind?: 'private'): Promise<Setup> {
  const worktree = join(lab.folder, 'feature');
  await ensureWorktree(lab.host, await lab.repository(), { branch: 'feature', path: worktree, include: [] });
  return { lab, worktree, jail: await openJail(lab, worktree, kind) };
}

const works: Readonly<Record<string, string>> = {
  branch: 'git branch b2; git branch | grep -q b2',
  switch: 'git switch -qc b2; git switch -q feature; git switch -q -',
  'a merge':
    'git switch -qc b2; echo x > x; git add x; git commit -qm x; git switch -q feature; echo y > y; git add y; git commit -qm y; git merge -q --no-edit b2; test -f x -a -f y',
  'a merge with a conflict':
    'git switch -qc b2; echo x > f; git add f; git commit -qm x; git switch -q feature; echo y > f; git add f; git commit -qm y; ! git merge -q b2; echo z > f; git add f; git commit -qm merged; test -z "$(git status --porcelain)"',
  'a rebase':
    'git switch -qc b2; echo x > x; git add x; git commit -qm x; git switch -q feature; echo y > y; git add y; git commit -qm y; git rebase -q b2; test "$(git log --format=%s -1)" = y',
  'a rebase with a conflict':
    'git switch -qc b2; echo x > f; git add f; git commit -qm x; git switch -q feature; echo y > f; git add f; git commit -qm y; ! git rebase -q b2; echo z > f; git add f; GIT_EDITOR=true git rebase --continue; ! git status | grep -q rebas',
  'a rebase that runs programs':
    'echo y > y; git add y; git commit -qm y; git rebase -q --exec "touch ran" main; test -f ran',
  stash:
    'echo x >> README.md; git stash -q; echo y >> README.md; git stash -q; test "$(git stash list | wc -l)" = 2; git stash pop -q; git checkout -q README.md; git stash pop -q; test -z "$(git stash list)"; ! git rev-parse -q --verify refs/stash; git checkout -q README.md',
  tag: 'git tag light; git tag -a -m note heavy; git describe heavy',
  'fetch of local refs': 'git fetch -q . feature:copy; git rev-parse copy',
  log: 'git log --oneline --all --graph | grep -q first',
  diff: 'echo x >> README.md; git diff | grep -q "^+x"; git diff main --stat; git checkout -q README.md',
  'cherry-pick':
    'git switch -qc b2; echo x > x; git add x; git commit -qm x; git switch -q feature; git cherry-pick b2; test -f x',
  'cherry-pick with a conflict':
    'git switch -qc b2; echo x > f; git add f; git commit -qm x; git switch -q feature; echo y > f; git add f; git commit -qm y; ! git cherry-pick b2; echo z > f; git add f; GIT_EDITOR=true git cherry-pick --continue; ! git status | grep -qi pick; git commit -q --amend -m again',
  revert: 'echo x > x; git add x; git commit -qm x; git revert --no-edit HEAD; ! test -f x',
  reset: 'echo x > x; git add x; git commit -qm x; git reset -q --hard HEAD~1; ! test -f x',
  reflog:
    'echo x > x; git add x; git commit -qm x; git reset -q --hard HEAD~1; git reset -q --hard HEAD@{1}; test -f x',
  'deleting a ref that is not packed':
    'git branch b2; git update-ref -d refs/heads/b2; ! git rev-parse -q --verify b2',
  'git worktree list and prune leave its own entry alone':
    'git worktree list | grep -q feature; git worktree prune --expire=now; git gc --auto; git status',
  notes: 'git notes add -m note; git notes show',
  'am and format-patch':
    'echo x > x; git add x; git commit -qm x; git format-patch -q -1 --stdout > /tmp/p; git reset -q --hard HEAD~1; git am -q /tmp/p; test -f x',
};

describe('git inside a narrowed worktree', () => {
  let lab: Lab;
  let worktree: string;
  let jail: Jail;

  before(function () {
    if (canJail()) return;
    console.log('not run: bubblewrap cannot make a jail on this machine');
    this.skip();
  });
  beforeEach(async () => {
    lab = makeLab();
    lab.git(lab.main, 'branch', 'packed');
    lab.git(lab.main, 'pack-refs', '--all');
    ({ worktree, jail } = await setUp(lab));
  });
  afterEach(() => {
    assert.equal(lab.git(lab.main, 'fsck', '--strict', '--no-dangling'), '');
    assert.equal(lab.git(lab.main, 'status', '--porcelain'), '');
    lab.dispose();
  });

  it('commits with the identity of the person, and the host sees it', () => {
    jail.ok('echo new > new.txt; git add new.txt; git commit -qm inside');
    assert.equal(
      lab.git(lab.main, 'log', '-1', '--format=%s %an %ae', 'feature'),
      'inside Ada ada@example.org',
    );
    assert.equal(lab.git(worktree, 'status', '--porcelain'), '');
  });

  for (const [name, script] of Object.entries(works)) {
    it(`works: ${name}`, () => {
      jail.ok(script);
    });
  }

  const refused: Readonly<Record<string, string>> = {
    gc: 'git gc',
    'pack-refs': 'git pack-refs --all',
    'deleting a branch that the host has packed': 'git branch -D packed',
    'a change of the configuration': 'git config core.pager evil',
    'another worktree': 'git worktree add -q /tmp/other',
    'a replaced object': 'git replace HEAD HEAD',
  };
  for (const [name, script] of Object.entries(refused)) {
    it(`is refused without damage: ${name}`, () => {
      assert.notEqual(jail.sh(script).code, 0);
      assert.equal(jail.ok('git rev-parse packed'), lab.git(lab.main, 'rev-parse', 'packed'));
      jail.ok('echo after > after; git add after; git commit -qm after');
    });
  }

  it('sees what the host packs and deletes while it runs', () => {
    jail.ok('git branch made-inside');
    lab.git(lab.main, 'pack-refs', '--all', '--prune');
    lab.git(lab.main, 'branch', '-D', 'packed');
    assert.equal(
      jail.ok('git rev-parse made-inside feature'),
      lab.git(lab.main, 'rev-parse', 'made-inside', 'feature'),
    );
    assert.notEqual(jail.sh('git rev-parse -q --verify packed').code, 0);
  });

  it('keeps its stash over a restart', async () => {
    jail.ok('echo x >> README.md; git stash -q');
    const again = await openJail(lab, worktree);
    again.ok('git stash pop -q; grep -q x README.md');
  });
});

describe('git inside a private git folder', () => {
  let lab: Lab;
  let jail: Jail;

  before(function () {
    if (!canJail()) this.skip();
  });
  beforeEach(async () => {
    lab = makeLab();
    lab.git(lab.main, 'branch', 'packed');
    lab.git(lab.main, 'pack-refs', '--all');
    ({ jail } = await setUp(lab, 'private'));
  });
  afterEach(() => {
    assert.equal(lab.git(lab.main, 'for-each-ref', '--format=%(refname) %(contents:subject)'), UNTOUCHED);
    assert.equal(lab.git(lab.main, 'status', '--porcelain'), '');
    lab.dispose();
  });

  const UNTOUCHED = ['feature', 'main', 'packed'].map(name => `refs/heads/${name} first`).join('\n');
  const also: Readonly<Record<string, string>> = {
    gc: 'echo x > x; git add x; git commit -qm x; git gc -q --prune=now; git fsck',
    'pack-refs': 'git pack-refs --all',
    'deleting a branch that the host has packed': 'git branch -D packed',
    'a change of the configuration': 'git config core.pager less; git config core.pager',
    'another worktree': 'git worktree add -q /tmp/other main; git -C /tmp/other status',
    'fetching from the host': 'git fetch -q host; git rev-parse host/packed',
  };
  for (const [name, script] of Object.entries({ ...works, ...also })) {
    it(`works: ${name}`, () => {
      jail.ok(script);
    });
  }
});

describe('git inside other kinds of repositories', () => {
  before(function () {
    if (!canJail()) this.skip();
  });

  it('works with SHA-256 objects', async () => {
    const lab = makeLab({ init: ['--object-format=sha256'] });
    try {
      const { jail } = await setUp(lab);
      jail.ok('echo x > x; git add x; git commit -qm x');
      assert.equal(lab.git(lab.main, 'log', '-1', '--format=%s', 'feature'), 'x');
    } finally {
      lab.dispose();
    }
  });

  it('works where objects are borrowed from another repository', async () => {
    const source = makeLab();
    const lab = makeLab();
    try {
      lab.git(lab.folder, 'clone', '--quiet', '--shared', source.main, join(lab.folder, 'borrower'));
      const borrower = {
        ...lab,
        main: join(lab.folder, 'borrower'),
        repository: () => lab.repository(join(lab.folder, 'borrower')),
      };
      const { jail } = await setUp(borrower);
      jail.ok('git log --oneline; echo x > x; git add x; git commit -qm x; git fsck');
    } finally {
      lab.dispose();
      source.dispose();
    }
  });

  it('works in a shallow clone', async () => {
    const lab = makeLab();
    try {
      lab.commit(lab.main, { f: '1' });
      lab.commit(lab.main, { f: '2' });
      const shallow = join(lab.folder, 'shallow');
      lab.git(lab.folder, 'clone', '--quiet', '--depth=1', `file://${lab.main}`, shallow);
      const { jail } = await setUp({ ...lab, main: shallow, repository: () => lab.repository(shallow) });
      assert.equal(jail.ok('git rev-parse --is-shallow-repository'), 'true');
      assert.equal(jail.ok('git log --oneline | wc -l'), '1');
      jail.ok('echo x > x; git add x; git commit -qm x');
    } finally {
      lab.dispose();
    }
  });

  it('works in a worktree of a bare repository', async () => {
    const lab = makeLab();
    try {
      const bare = join(lab.folder, 'bare.git');
      lab.git(lab.folder, 'clone', '--quiet', '--bare', lab.main, bare);
      const { jail } = await setUp({ ...lab, main: bare, repository: () => lab.repository(bare) });
      jail.ok('echo x > x; git add x; git commit -qm x; git branch -D feature 2>/dev/null || true');
      assert.equal(lab.git(bare, 'log', '-1', '--format=%s', 'feature'), 'x');
    } finally {
      lab.dispose();
    }
  });

  it('works in a worktree of a submodule', async () => {
    const lab = makeLab();
    const part = makeLab();
    try {
      lab.git(lab.main, 'submodule', '--quiet', 'add', part.main, 'part');
      const inner = join(lab.main, 'part');
      const { jail } = await setUp({ ...lab, main: inner, repository: () => lab.repository(inner) });
      jail.ok('echo x > x; git add x; git commit -qm x');
      assert.equal(lab.git(inner, 'log', '-1', '--format=%s', 'feature'), 'x');
      assert.equal((await lab.repository(inner)).main, inner);
    } finally {
      lab.dispose();
      part.dispose();
    }
  });
});

// Making worktrees: branches that exist, are remote or are missing; what is reused, refused and repaired; what is copied.
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import { currentBranch, listBranches } from '../../server/worktrees/branches.ts';
import { ensureWorktree, type Made } from '../../server/worktrees/create.ts';
import { writeNote } from '../../server/worktrees/making.ts';
import { listRegistered } from '../../server/worktrees/repository.ts';
import { type Lab, makeLab } from './support/repo.ts';

let lab: Lab;
beforeEach(() => {
  lab = makeLab();
});
afterEach(() => lab.dispose());

const ensure = async (
  branch: string,
  more: { path?: string; from?: string; include?: string[] } = {},
): Promise<Made> =>
  ensureWorktree(lab.host, await lab.repository(), {
    branch,
    path: more.path ?? join(lab.folder, 'wt'),
    include: more.include ?? [],
    ...(more.from === undefined ? {} : { from: more.from }),
  });
const failsWith = async (code: string, work: Promise<unknown>): Promise<SandboxError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SandboxError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
};
const worktreePaths = async (): Promise<string[]> =>
  (await listRegistered(await lab.repository())).map(({ path }) => path);

describe('finding a repository', () => {
  it('works from any folder of the main worktree and of a linked one', async () => {
    await ensure('feature');
    for (const cwd of [
      lab.main,
      join(lab.main, 'src'),
      join(lab.main, '.git'),
      join(lab.folder, 'wt', 'src'),
    ]) {
      assert.deepEqual(await lab.repository(cwd), {
        commonDir: join(lab.main, '.git'),
        main: lab.main,
        root: lab.main,
      });
    }
  });

  it('knows a bare repository by its folder', async () => {
    const bare = join(lab.folder, 'bare.git');
    lab.git(lab.folder, 'clone', '--quiet', '--bare', lab.main, bare);
    assert.deepEqual(await lab.repository(bare), { commonDir: bare, main: undefined, root: bare });
  });

  it('finds the main worktree of a git folder that lies elsewhere', async () => {
    const main = join(lab.folder, 'sep');
    lab.git(
      lab.folder,
      'clone',
      '--quiet',
      `--separate-git-dir=${join(lab.folder, 'gitdir')}`,
      lab.main,
      main,
    );
    assert.equal((await lab.repository(main)).main, main);
  });

  it('says so outside of every repository, and for a folder that is not there', async () => {
    await failsWith('repository-not-found', lab.repository(lab.home));
    await failsWith('repository-not-found', lab.repository(join(lab.folder, 'none')));
  });

  it('refuses a repository in which a HEAD became a pipe, and does not wait', async () => {
    await ensure('feature');
    const head = join(lab.main, '.git/worktrees/wt/HEAD');
    rmSync(head);
    lab.tryGit(lab.main, 'init');
    const { spawnSync } = await import('node:child_process');
    spawnSync('mkfifo', [head]);
    const error = await failsWith('worktree-conflict', lab.repository());
    assert.match(error.message, /worktrees\/wt\/HEAD/);
  });
});

describe('branches', () => {
  it('are listed local and remote, most recent first, with their worktrees', async () => {
    const clone = join(lab.folder, 'clone');
    lab.git(lab.main, 'branch', 'old', 'HEAD');
    lab.git(lab.folder, 'clone', '--quiet', lab.main, clone);
    lab.git(clone, '-c', 'user.name=x', '-c', 'user.email=x@x', 'switch', '--quiet', '-c', 'fresh');
    lab.git(
      clone,
      'commit',
      '--quiet',
      '--allow-empty',
      '-m',
      'a "subject" with \ttab',
      '--date=2030-01-01T00:00:00Z',
    );
    const branches = await listBranches(lab.host, await lab.repository(clone));
    assert.deepEqual(
      new Set(branches.map(({ name, kind }) => `${kind} ${name}`)),
      new Set(['local fresh', 'local main', 'remote origin/main', 'remote origin/old']),
    );
    assert.equal(branches.find(({ name }) => name === 'fresh')?.worktree, clone);
    assert.equal(branches.find(({ name }) => name === 'fresh')?.subject, 'a "subject" with \ttab');
    assert.equal(await currentBranch(lab.host, await lab.repository(clone)), 'fresh');
  });

  it('are listed even when one of them names a missing object', async () => {
    lab.write(join(lab.main, '.git/refs/heads/broken'), `${'0123456789'.repeat(4)}\n`);
    const branches = await listBranches(lab.host, await lab.repository());
    assert.ok(branches.some(({ name }) => name === 'main'));
  });

  for (const name of ['-x', 'a b', '@{-1}', 'HEAD', 'a..b', 'x.lock', '', 'a\nb', 'a~1', '/x']) {
    it(`cannot be called ${JSON.stringify(name)}`, async () => {
      await failsWith('usage', ensure(name));
    });
  }
});

describe('a worktree', () => {
  it('is made with a new branch from HEAD of the main worktree', async () => {
    const made = await ensure('feature/new');
    assert.deepEqual(made.created, { branch: true, worktree: true });
    assert.equal(lab.git(made.path, 'symbolic-ref', 'HEAD'), 'refs/heads/feature/new');
    assert.equal(lab.git(made.path, 'rev-parse', 'HEAD'), lab.git(lab.main, 'rev-parse', 'HEAD'));
  });

  it('starts a new branch where it is told to', async () => {
    const first = lab.git(lab.main, 'rev-parse', 'HEAD');
    lab.commit(lab.main, { f: '2' });
    const made = await ensure('feature', { from: 'main~1' });
    assert.equal(lab.git(made.path, 'rev-parse', 'HEAD'), first);
    await failsWith('branch-not-found', ensure('other', { from: 'nowhere', path: join(lab.folder, 'o') }));
    await failsWith('branch-not-found', ensure('other', { from: '--all', path: join(lab.folder, 'o') }));
  });

  it('is made for a branch that exists', async () => {
    lab.git(lab.main, 'branch', 'feature');
    assert.deepEqual((await ensure('feature')).created, { branch: false, worktree: true });
  });

  it('tracks the branch of the one remote that has it', async () => {
    lab.git(lab.main, 'branch', 'theirs');
    const clone = join(lab.folder, 'clone');
    lab.git(lab.folder, 'clone', '--quiet', lab.main, clone);
    const made = await ensureWorktree(lab.host, await lab.repository(clone), {
      branch: 'theirs',
      path: join(lab.folder, 'wt'),
      include: [],
    });
    assert.equal(lab.git(made.path, 'rev-parse', '--abbrev-ref', '@{upstream}'), 'origin/theirs');
    lab.git(clone, 'remote', 'add', 'second', lab.main);
    lab.git(clone, 'fetch', '--quiet', 'second');
    lab.git(clone, 'worktree', 'remove', made.path);
    lab.git(clone, 'branch', '-D', 'theirs');
    const again = ensureWorktree(lab.host, await lab.repository(clone), {
      branch: 'theirs',
      path: made.path,
      include: [],
    });
    assert.match((await failsWith('branch-not-found', again)).message, /origin\/theirs, second\/theirs/);
  });

  it('is reused, wherever it is', async () => {
    lab.git(lab.main, 'worktree', 'add', '--quiet', '-b', 'feature', join(lab.folder, 'elsewhere'));
    const made = await ensure('feature');
    assert.deepEqual(made, {
      branch: 'feature',
      path: join(lab.folder, 'elsewhere'),
      created: { branch: false, worktree: false },
    });
  });

  it('is refused for the branch of the main worktree, in a taken folder, and inside another worktree', async () => {
    assert.match((await failsWith('worktree-conflict', ensure('main'))).message, /main worktree/);
    lab.write(join(lab.folder, 'taken', 'x'), 'x');
    await failsWith('worktree-conflict', ensure('feature', { path: join(lab.folder, 'taken') }));
    assert.equal(lab.tryGit(lab.main, 'rev-parse', '--verify', 'feature').code === 0, false);
    const { path } = await ensure('outer');
    await failsWith('worktree-conflict', ensure('inner', { path: join(path, 'inner') }));
  });

  it('is made again when somebody deleted its folder, and other missing ones keep their place', async () => {
    const { path } = await ensure('feature');
    lab.git(lab.main, 'worktree', 'add', '--quiet', '-b', 'usb', join(lab.folder, 'usb'));
    rmSync(path, { recursive: true });
    rmSync(join(lab.folder, 'usb'), { recursive: true });
    assert.deepEqual((await ensure('feature')).created, { branch: false, worktree: true });
    assert.ok((await worktreePaths()).includes(join(lab.folder, 'usb')));
  });

  it('is left alone when it is locked and its folder is away', async () => {
    const { path } = await ensure('feature');
    lab.git(lab.main, 'worktree', 'lock', path);
    rmSync(path, { recursive: true });
    await failsWith('worktree-conflict', ensure('feature'));
  });

  it('is made anew when an earlier command was killed in the middle', async () => {
    const repository = await lab.repository();
    const path = join(lab.folder, 'wt');
    await writeNote(repository, { kind: 'making', branch: 'feature', path });
    lab.git(lab.main, 'worktree', 'add', '--quiet', '--no-checkout', '-b', 'feature', path);
    rmSync(join(lab.main, '.git/worktrees/wt/index'), { force: true });
    lab.write(join(lab.main, '.git/worktrees/wt/locked'), 'initializing');
    lab.write(join(path, 'half'), 'x');
    const made = await ensure('feature');
    assert.equal(existsSync(join(path, 'half')), false);
    assert.equal(lab.git(made.path, 'status', '--porcelain'), '');
    assert.equal(existsSync(join(path, 'README.md')), true);
  });

  it('takes everything back when its checkout fails', async () => {
    lab.commit(lab.main, { '.gitattributes': 'x filter=broken\n', x: 'x' });
    lab.git(lab.main, 'config', 'filter.broken.smudge', 'false');
    lab.git(lab.main, 'config', 'filter.broken.required', 'true');
    await failsWith('command-failed', ensure('feature'));
    assert.equal(existsSync(join(lab.folder, 'wt')), false);
    assert.notEqual(lab.tryGit(lab.main, 'rev-parse', '--verify', 'feature').code, 0);
    assert.deepEqual(await worktreePaths(), [lab.main]);
  });

  it('runs no hook, not even one that the tree holds', async () => {
    const canary = join(lab.folder, 'canary');
    lab.commit(lab.main, { '.husky/post-checkout': `#!/bin/sh\ntouch ${canary}\n` });
    lab.git(lab.main, 'update-index', '--chmod=+x', '.husky/post-checkout');
    lab.git(lab.main, 'commit', '--quiet', '-m', 'hook');
    lab.git(lab.main, 'config', 'core.hooksPath', '.husky');
    await ensure('feature');
    assert.equal(existsSync(canary), false);
  });
});

describe('included files', () => {
  it('are copied by pattern, links as links, and nothing from outside', async () => {
    const outside = join(lab.folder, 'outside');
    lab.write(join(outside, 'secret'), 'secret');
    lab.commit(lab.main, {
      '.gitignore': '.env\nkeys/\nlinks/\n',
      '.heyvm/include': '# local\n.env\nkeys/\n\nlinks/\n',
    });
    lab.write(join(lab.main, '.env'), 'A=1');
    lab.write(join(lab.main, 'src', '.env'), 'A=2');
    lab.write(join(lab.main, 'keys', 'deep', 'one'), '1');
    lab.write(join(lab.main, 'keys', 'new\nline'), '2');
    mkdirSync(join(lab.main, 'links'));
    symlinkSync('../.env', join(lab.main, 'links', 'in'));
    symlinkSync('/etc/passwd', join(lab.main, 'links', 'absolute'));
    symlinkSync('../../outside/secret', join(lab.main, 'links', 'out'));
    lab.write(join(lab.main, 'other.local'), 'x');
    const { path } = await ensure('feature', { include: ['*.local'] });
    assert.equal(readFileSync(join(path, '.env'), 'utf8'), 'A=1');
    assert.equal(readFileSync(join(path, 'src', '.env'), 'utf8'), 'A=2');
    assert.equal(readFileSync(join(path, 'keys', 'deep', 'one'), 'utf8'), '1');
    assert.equal(readFileSync(join(path, 'keys', 'new\nline'), 'utf8'), '2');
    assert.equal(readlinkSync(join(path, 'links', 'in')), '../.env');
    assert.equal(readFileSync(join(path, 'other.local'), 'utf8'), 'x');
    for (const name of ['absolute', 'out']) assert.equal(existsSync(join(path, 'links', name)), false);
  });

  it('never go through a link that the branch holds, and never over a file', async () => {
    const outside = join(lab.folder, 'outside');
    mkdirSync(outside);
    lab.git(lab.main, 'switch', '--quiet', '-c', 'evil');
    symlinkSync(outside, join(lab.main, 'conf'));
    lab.git(lab.main, 'add', 'conf');
    lab.commit(lab.main, { '.env': 'from the branch' });
    lab.git(lab.main, 'switch', '--quiet', 'main');
    lab.write(join(lab.main, 'conf', 'secret'), 's');
    lab.write(join(lab.main, '.env'), 'mine');
    const { path } = await ensure('evil', { include: ['conf/', '.env'] });
    assert.equal(existsSync(join(outside, 'secret')), false);
    assert.equal(readFileSync(join(path, '.env'), 'utf8'), 'from the branch');
  });
});

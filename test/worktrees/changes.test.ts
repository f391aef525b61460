// What a branch changed, file by file and side by side, on the host and from a real guest.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changesOf } from '../../server/worktrees/changes.ts';
import { contentAt, contentIn } from '../../server/worktrees/content.ts';
import { ensureWorktree } from '../../server/worktrees/create.ts';
import { ownFolderOf } from '../../server/worktrees/gitFolder.ts';
import type { Target } from '../../server/worktrees/status.ts';
import { needEngine, newEngine } from '../process/support/engine.ts';
import { type Lab, makeLab } from './support/repo.ts';

describe('the changes of a branch', function () {
  this.timeout(180_000);
  let lab: Lab;

  beforeEach(() => {
    lab = makeLab();
  });
  afterEach(() => lab.dispose());

  async function onHost(): Promise<{ worktree: string; target: Target }> {
    const worktree = join(lab.folder, 'feature');
    const repository = await lab.repository();
    await ensureWorktree(lab.host, repository, { branch: 'feature', path: worktree, include: [] });
    const own = await ownFolderOf(repository.commonDir, worktree);
    return { worktree, target: { repository, worktree, branch: 'feature', own } };
  }

  it('are told file by file, with kinds, old names and lines', async () => {
    const { worktree, target } = await onHost();
    lab.commit(worktree, { 'big.txt': Array.from({ length: 20 }, (_, line) => `line ${line}\n`).join('') });
    lab.git(lab.main, 'merge', '--quiet', '--ff-only', 'feature');
    lab.git(worktree, 'mv', 'big.txt', 'öä "renamed".txt');
    writeFileSync(join(worktree, 'README.md'), 'hello\nmore\n');
    writeFileSync(join(worktree, 'blob.bin'), Buffer.from([0, 1, 2, 255]));
    lab.write(join(worktree, 'new dir', 'a\nb'), 'new\n');
    rmSync(join(worktree, 'src/app.txt'));
    const { base, files, left_out } = await changesOf(lab.host, target, undefined, undefined);
    assert.equal(base, lab.git(lab.main, 'rev-parse', 'main'));
    assert.equal(left_out, 0);
    assert.deepEqual(
      new Map(files.map(({ path, ...file }) => [path, file])),
      new Map([
        ['README.md', { kind: 'modified', binary: false, added: 1, removed: 0 }],
        ['blob.bin', { kind: 'added', binary: true }],
        ['new dir/a\nb', { kind: 'added', binary: false, added: 1, removed: 0 }],
        ['src/app.txt', { kind: 'deleted', binary: false, added: 0, removed: 3 }],
        ['öä "renamed".txt', { kind: 'renamed', from: 'big.txt', binary: false, added: 0, removed: 0 }],
      ] as const),
    );
  });

  it('have two sides in each file, byte for byte, and no link is followed to either', async () => {
    const { worktree, target } = await onHost();
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256));
    writeFileSync(join(worktree, 'bytes'), bytes);
    lab.git(worktree, 'add', 'bytes');
    lab.git(worktree, 'commit', '--quiet', '-m', 'bytes');
    const commit = lab.git(worktree, 'rev-parse', 'HEAD');
    const then = (path: string) => contentAt(lab.host, target.repository, { commit, path });
    const now = (path: string) => contentIn(worktree, path);
    assert.deepEqual(await then('bytes'), bytes);
    assert.deepEqual(await now('bytes'), bytes);
    assert.equal(await then('nothing'), undefined);
    assert.equal(await then('src'), undefined);
    assert.equal(await now('nothing/at/all'), undefined);
    symlinkSync('/etc', join(worktree, 'etc'));
    symlinkSync('/etc/passwd', join(worktree, 'passwd'));
    assert.equal(await now('etc/passwd'), undefined);
    assert.equal((await now('passwd'))?.toString(), '/etc/passwd');
    spawnSync('mkfifo', [join(worktree, 'pipe')]);
    assert.equal(await now('pipe'), undefined);
    for (const path of ['../main/README.md', '/etc/passwd', 'src/../../x', '.'])
      await assert.rejects(now(path), { code: 'usage' });
  });

  it('are told of a guest with a git folder of its own, before and after its commits were imported', async function () {
    needEngine.call(this);
    const engine = newEngine({ env: { HOME: lab.home } });
    try {
      const asked = { cwd: lab.main, branch: 'feature' };
      const { sandbox } = await engine.call('worktree/open', { ...asked, spec: { type: 'code' } });
      assert.equal(sandbox.workspace.git, 'private');
      const script = 'echo x > x; git add x; git commit -qm x; echo y >> README.md';
      assert.deepEqual((await engine.exec(sandbox.id, 'sh', '-ec', script)).end, { kind: 'exited', code: 0 });
      const expected = { sandbox: sandbox.id, base: 'main', ahead: 1, behind: 0, dirty: 1 };
      const summary = async () =>
        (await engine.call('worktree/summaries', { sandboxes: [sandbox.id] })).summaries;
      assert.deepEqual(await summary(), [expected]);
      lab.commit(lab.main, { elsewhere: 'unknown inside' });
      const { files } = await engine.call('worktree/changes', asked);
      assert.deepEqual(files.map(({ path }) => path).sort(), ['README.md', 'x']);
      assert.deepEqual(await summary(), [{ ...expected, behind: 1 }]);
    } finally {
      await engine.dispose();
    }
  });

  it('are the same inside and on the host, and how far the branch has come is told', async function () {
    needEngine.call(this);
    const engine = newEngine({ env: { HOME: lab.home } });
    try {
      const { sandbox } = await engine.call('worktree/open', { cwd: lab.main, branch: 'feature' });
      const script =
        'echo committed > a; git add a; git commit -qm a; echo more >> README.md; echo new > "n w"; rm src/app.txt';
      const { end } = await engine.exec('wt-feature', 'sh', '-ec', script);
      assert.deepEqual(end, { kind: 'exited', code: 0 });
      lab.commit(lab.main, { 'elsewhere.txt': 'x' });
      const asked = { cwd: lab.main, branch: 'feature' };
      const { summaries } = await engine.call('worktree/summaries', {
        sandboxes: [sandbox.id, 'sb-00000000'],
      });
      const { base: _, ...summary } = summaries.find(found => found.sandbox === sandbox.id) ?? {};
      assert.deepEqual(summary, { sandbox: sandbox.id, ahead: 1, behind: 1, dirty: 3 });
      assert.deepEqual(
        summaries.find(found => found.sandbox !== sandbox.id),
        { sandbox: 'sb-00000000' },
      );
      const running = await engine.call('worktree/changes', asked);
      await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
      assert.deepEqual(await engine.call('worktree/changes', asked), running);
      assert.deepEqual(running.files.map(({ path }) => path).sort(), [
        'README.md',
        'a',
        'n w',
        'src/app.txt',
      ]);
      const { data } = await engine.call('worktree/content', {
        ...asked,
        commit: running.base,
        path: 'README.md',
      });
      assert.equal(Buffer.from(data ?? '', 'base64').toString(), 'hello\n');
      const now = await engine.call('worktree/content', { ...asked, path: 'README.md' });
      assert.equal(Buffer.from(now.data ?? '', 'base64').toString(), 'hello\nmore\n');
    } finally {
      await engine.dispose();
    }
  });
});

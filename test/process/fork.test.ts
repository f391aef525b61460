// Copies of running sandboxes: each with a worktree and a branch of its own, all of them or none.
import { strict as assert } from 'node:assert';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run } from '../../server/platform/run.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import { eventually } from '../support/eventually.ts';
import { withFakeBuild } from '../support/fakeBuild.ts';
import { type Engine, needEngine, newEngine } from './support/engine.ts';

describe('copies of a sandbox', function () {
  this.timeout(120_000);
  let engine: Engine;
  let repository: string;
  before(needEngine);
  const build = withFakeBuild();
  beforeEach(async () => {
    engine = newEngine({ bundle: build() });
    repository = join(engine.home, '..', 'repo');
    mkdirSync(repository);
    await git('init', '-q', '-b', 'main');
    await git('config', 'user.name', 'Tea Drinker');
    await git('config', 'user.email', 'tea@example.com');
    for (const name of ['kept', 'changed', 'removed']) writeFileSync(join(repository, name), `${name}\n`);
    writeFileSync(join(repository, '.gitignore'), 'ignored\n');
    await git('add', '.');
    await git('commit', '-q', '-m', 'begin');
  });
  afterEach(() => engine.dispose());

  const git = async (...args: string[]): Promise<string> =>
    (await run(['git', ...args], { cwd: repository })).stdout;
  const fork = (sandbox: string, count = 1, signal = new AbortController().signal) =>
    engine.call('sandbox/fork', { sandbox, count }, { signal });
  const names = async () => (await engine.call('sandbox/list', {})).sandboxes.map(({ name }) => name).sort();
  const snapshots = () =>
    readdirSync(join(engine.paths.cache, 'fakeext')).filter(name => name.startsWith('snapshot-'));

  /** Git inside is nothing that the fake has, so the sandbox is told of its worktree by its record. */
  const sourceOnBranch = async () => {
    const path = join(repository, '..', 'work');
    await git('worktree', 'add', '-q', '-b', 'feature/x', path);
    const { id } = await engine.create({ name: 'wt-x', backend: 'fakeext', workspace: path });
    const { record } = sandboxPaths(engine.paths, id);
    const known = JSON.parse(readFileSync(record, 'utf8'));
    writeFileSync(record, JSON.stringify({ ...known, worktree: { branch: 'feature/x', path, repository } }));
    return { id, path };
  };

  it('run what the source had, have names like it, and leave it alone', async () => {
    const { id } = await engine.create({ name: 'one', backend: 'fakeext' });
    const { workspace } = sandboxPaths(engine.paths, id);
    writeFileSync(join(workspace, 'file'), 'mine\n');
    await engine.exec('one', 'sh', '-c', 'echo inside > /home/dev/file');
    const { sandboxes, memory, why_no_memory } = await fork('one', 3);
    assert.deepEqual(
      sandboxes.map(({ name, status }) => `${name} ${status}`),
      ['one-fork-1 running', 'one-fork-2 running', 'one-fork-3 running'],
    );
    assert.equal(memory, false);
    assert.equal(why_no_memory, undefined);
    for (const copy of sandboxes) {
      assert.equal((await engine.exec(copy.name, 'cat', '/home/dev/file')).out, 'inside\n');
      assert.equal(readFileSync(join(copy.workspace.path, 'file'), 'utf8'), 'mine\n');
      assert.notEqual(copy.workspace.path, workspace);
      assert.equal(copy.backend_reason, 'a copy of one');
    }
    await engine.exec('one-fork-1', 'sh', '-c', 'echo other > /home/dev/file');
    assert.equal((await engine.exec('one', 'cat', '/home/dev/file')).out, 'inside\n');
    assert.deepEqual(snapshots(), []);
    assert.deepEqual(
      (await fork('one')).sandboxes.map(({ name }) => name),
      ['one-fork-4'],
    );
  });

  it('have branches of their own with everything that was not committed, of which the source loses nothing', async () => {
    const { path } = await sourceOnBranch();
    writeFileSync(join(path, 'changed'), 'changed again\n');
    writeFileSync(join(path, 'ignored'), 'ignored\n');
    await run(['rm', join(path, 'removed')], {});
    mkdirSync(join(path, 'new folder'));
    writeFileSync(join(path, 'new folder', 'für dich'), 'new\n', { mode: 0o755 });
    await run(['ln', '-s', '../kept', join(path, 'new folder', 'link')], {});
    await run(['git', 'add', 'changed'], { cwd: path });
    const status = async (folder: string) =>
      (await run(['git', 'status', '--porcelain'], { cwd: folder })).stdout;
    const before = await status(path);
    const { sandboxes } = await fork('wt-x', 2);
    assert.equal(await status(path), before);
    assert.deepEqual(
      sandboxes.map(({ worktree }) => worktree?.branch),
      ['feature/x-fork-1', 'feature/x-fork-2'],
    );
    const head = (await git('rev-parse', 'feature/x')).trim();
    for (const { worktree } of sandboxes) {
      const folder = worktree?.path ?? assert.fail('no worktree');
      const at = (name: string) => join(folder, name);
      assert.equal(readFileSync(at('changed'), 'utf8'), 'changed again\n');
      assert.equal(readFileSync(at('new folder/für dich'), 'utf8'), 'new\n');
      assert.equal(lstatSync(at('new folder/für dich')).mode & 0o111, 0o111);
      assert.equal(readlinkSync(at('new folder/link')), '../kept');
      assert.ok(!existsSync(at('removed')) && !existsSync(at('ignored')) && existsSync(at('kept')));
      assert.equal((await git('rev-parse', worktree?.branch ?? '')).trim(), head);
      assert.equal((await status(folder)).split('\n').filter(line => line !== '').length, 3);
    }
  });

  it('are none when one of them cannot be made', async () => {
    const { id } = await sourceOnBranch();
    const { record } = sandboxPaths(engine.paths, id);
    const known = JSON.parse(readFileSync(record, 'utf8'));
    // Something that only shows when a copy starts.
    writeFileSync(record, JSON.stringify({ ...known, policy: { network: { mode: 'open' } } }));
    await assert.rejects(fork('wt-x', 3), { code: 'policy-unenforceable' });
    assert.deepEqual(await names(), ['wt-x']);
    assert.equal((await git('branch', '--list', '*fork*')).trim(), '');
    assert.equal((await git('worktree', 'list')).trim().split('\n').length, 2);
    assert.deepEqual(snapshots(), []);
    assert.equal(JSON.parse(readFileSync(record, 'utf8')).forking, undefined);
  });

  it('are none when that is cancelled, at whatever moment', async () => {
    await sourceOnBranch();
    for (const at of ['taking a snapshot', 'making worktrees', 'starting copies', 'starting guest']) {
      const cancelled = new AbortController();
      const progress = ({ phase }: { phase: string }): void => {
        if (phase === at) cancelled.abort();
      };
      await assert.rejects(
        engine.call('sandbox/fork', { sandbox: 'wt-x', count: 2 }, { signal: cancelled.signal, progress }),
        { code: 'cancelled' },
        at,
      );
      assert.deepEqual(await names(), ['wt-x'], at);
      assert.equal((await git('branch', '--list', '*fork*')).trim(), '', at);
      assert.equal((await engine.get('wt-x')).status, 'running');
    }
    assert.equal((await fork('wt-x')).sandboxes[0]?.worktree?.branch, 'feature/x-fork-1');
  });

  it('that a killed command had begun are taken back by the next look', async () => {
    const { id, path } = await sourceOnBranch();
    const tip = (await git('rev-parse', 'feature/x')).trim();
    const begun = { branch: 'feature/x-fork-1', path: join(path, '..', 'x-fork-1'), tip };
    const planned = { branch: 'feature/x-fork-2', path: join(path, '..', 'x-fork-2'), tip };
    await git('worktree', 'add', '-q', '-b', begun.branch, begun.path);
    const { record } = sandboxPaths(engine.paths, id);
    const known = JSON.parse(readFileSync(record, 'utf8'));
    writeFileSync(record, JSON.stringify({ ...known, forking: { worktrees: [begun, planned] } }));
    await engine.call('sandbox/list', {});
    await eventually(() => !existsSync(begun.path));
    assert.equal((await git('branch', '--list', '*fork*')).trim(), '');
    assert.equal(JSON.parse(readFileSync(record, 'utf8')).forking, undefined);
  });
});

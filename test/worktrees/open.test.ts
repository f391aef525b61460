// Branch, worktree and sandbox in one step, with real owners and real jails: reuse, names, concurrency, cancelling, removal.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from '../../server/core/errors.ts';
import type { Params } from '../../server/protocol/contract.ts';
import type { HelperContract } from '../../server/protocol/helper.ts';
import type { Mount, SandboxSpec } from '../../server/protocol/sandbox.ts';
import { type Engine, needEngine, newEngine } from '../process/support/engine.ts';
import { type Lab, makeLab } from './support/repo.ts';

describe('opening a branch', function () {
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

  type More = Partial<Params<HelperContract, 'worktree/open'>>;
  const open = (branch: string, more: More = {}) =>
    engine.call('worktree/open', { cwd: lab.main, branch, ...more });
  const inside = async (sandbox: string, script: string): Promise<string> => {
    const { end, out } = await engine.exec(sandbox, 'sh', '-ec', script);
    assert.deepEqual(end, { kind: 'exited', code: 0 }, out);
    return out.trimEnd();
  };
  const failsWith = async (code: string, work: Promise<unknown>): Promise<SandboxError> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof SandboxError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  };
  const sandboxes = async () => (await engine.call('sandbox/list', {})).sandboxes;
  const folders = (): string[] => readdirSync(lab.folder).filter(name => name !== 'home' && name !== 'main');

  it('makes everything, and a commit made inside is seen outside', async () => {
    const { sandbox, worktree, created } = await open('feature/x');
    assert.deepEqual(created, { branch: true, worktree: true, sandbox: true });
    assert.equal(sandbox.name, 'wt-feature-x');
    assert.equal(sandbox.status, 'running');
    assert.deepEqual(sandbox.worktree, {
      branch: 'feature/x',
      path: join(lab.folder, 'feature-x'),
      repository: lab.main,
    });
    assert.equal(worktree.warnings, undefined);
    await inside(
      'wt-feature-x',
      'echo hi > new.txt; git add new.txt; git commit -qm inside; git status --porcelain',
    );
    assert.equal(lab.git(lab.main, 'log', '-1', '--format=%s by %an', 'feature/x'), 'inside by Ada');
    assert.notEqual((await engine.exec('wt-feature-x', 'touch', join(lab.main, '.git/config'))).end, 0);
  });

  it('reuses what runs, restarts what stopped, and keeps what was made inside', async () => {
    const first = await open('feature');
    await inside('wt-feature', 'echo hi > kept; git stash -qu; git branch made-inside');
    const second = await open('feature');
    assert.deepEqual(second.created, { branch: false, worktree: false, sandbox: false });
    assert.equal(second.sandbox.id, first.sandbox.id);
    assert.equal(second.sandbox.owner?.pid, first.sandbox.owner?.pid);
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    const third = await open('feature', { cwd: join(lab.folder, 'feature', 'src') });
    assert.equal(third.sandbox.id, first.sandbox.id);
    assert.equal(third.sandbox.status, 'running');
    assert.equal(
      await inside('wt-feature', 'git stash pop -q >/dev/null; cat kept; git branch --list made-inside'),
      'hi\n  made-inside',
    );
  });

  it('refuses to reuse a sandbox that is not what is asked for, and says in what', async () => {
    const data: Mount = { source: lab.home, target: '/data', mode: 'ro' };
    const env = { TEA: 'green' };
    const spec: SandboxSpec = { network: 'open', limits: { pids: 100 }, env, mounts: [data] };
    const made = await open('feature', { spec });
    assert.equal((await open('feature', { spec })).sandbox.id, made.sandbox.id);
    assert.equal((await open('feature')).sandbox.id, made.sandbox.id);
    const others: readonly [SandboxSpec, RegExp][] = [
      [{ network: 'none' }, /network open, not none/],
      [{ limits: { pids: 50 } }, /limit of pids 100, not 50/],
      [{ limits: { memory: 1_000_000_000 } }, /no limit of memory, not 1000000000/],
      [{ env: { TEA: 'secret' } }, /variable TEA has another value$/],
      [{ mounts: [{ ...data, mode: 'rw' }] }, /no mount of .* at \/data \(rw\)/],
      [{ runtime: 'python' }, /runtime shell, not python/],
    ];
    for (const [other, told] of others) {
      const refused = await failsWith('worktree-conflict', open('feature', { spec: other }));
      assert.match(refused.message, told);
    }
    assert.equal((await engine.get(made.sandbox.id)).status, 'running');
  });

  it('gives branches whose names look alike different names', async () => {
    const one = await open('feature/A');
    const two = await open('feature-a');
    assert.equal(one.sandbox.name, 'wt-feature-a');
    assert.match(two.sandbox.name, /^wt-feature-a-[0-9a-f]{6}$/);
    assert.notEqual(one.worktree.path, two.worktree.path);
    assert.equal((await open('feature/A')).sandbox.id, one.sandbox.id);
    assert.equal((await open('feature-a')).sandbox.id, two.sandbox.id);
    const other = makeLab();
    try {
      const three = await open('feature-a', { cwd: other.main });
      assert.notEqual(three.sandbox.name, two.sandbox.name);
      await engine.call('sandbox/remove', { sandbox: three.sandbox.id, force: true });
    } finally {
      other.dispose();
    }
  });

  it('makes one sandbox when twenty ask for one branch at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => open('busy')));
    assert.equal(new Set(all.map(({ sandbox }) => sandbox.id)).size, 1);
    assert.equal(all.filter(({ created }) => created.sandbox).length, 1);
    assert.equal(all.filter(({ created }) => created.worktree).length, 1);
    assert.deepEqual(folders(), ['busy']);
    assert.equal((await sandboxes()).length, 1);
  });

  it('makes twenty sandboxes when twenty branches are asked for at once', async () => {
    const branches = Array.from({ length: 20 }, (_, number) => `many/${number}`);
    const all = await Promise.all(branches.map(branch => open(branch)));
    assert.equal(new Set(all.map(({ sandbox }) => sandbox.id)).size, 20);
    assert.equal(folders().length, 20);
    for (const { sandbox } of all) assert.equal((await engine.get(sandbox.id)).status, 'running');
  });

  it('leaves nothing behind when it is cancelled, at whatever step', async () => {
    const phases: string[] = [];
    await engine.call(
      'worktree/open',
      { cwd: lab.main, branch: 'probe' },
      { progress: ({ phase }) => phases.push(phase) },
    );
    await engine.call('worktree/remove', { cwd: lab.main, branch: 'probe', force: true });
    lab.git(lab.main, 'branch', '-D', 'probe');
    assert.ok(phases.length > 1, phases.join());
    for (const at of phases) {
      const abort = new AbortController();
      const options = {
        signal: abort.signal,
        progress: ({ phase }: { phase: string }) => {
          if (phase === at) abort.abort();
        },
      };
      await failsWith('cancelled', engine.call('worktree/open', { cwd: lab.main, branch: 'gone' }, options));
      assert.deepEqual(folders(), [], at);
      assert.equal(lab.git(lab.main, 'branch', '--list', 'gone'), '', at);
      assert.deepEqual(await sandboxes(), [], at);
    }
  });

  it('takes back what it made when the sandbox cannot be made, and never what was there', async () => {
    await failsWith('backend-unknown', open('fresh', { spec: { backend: 'nonsense' } }));
    assert.deepEqual(folders(), []);
    assert.equal(lab.git(lab.main, 'branch', '--list', 'fresh'), '');
    lab.git(lab.main, 'worktree', 'add', '--quiet', '-b', 'mine', join(lab.folder, 'mine'));
    await failsWith('backend-unknown', open('mine', { spec: { backend: 'nonsense' } }));
    assert.deepEqual(folders(), ['mine']);
    lab.git(lab.main, 'branch', 'old');
    await failsWith('backend-unknown', open('old', { spec: { backend: 'nonsense' } }));
    assert.deepEqual(folders(), ['mine']);
    assert.equal(lab.git(lab.main, 'branch', '--list', 'old').trim(), 'old');
  });

  it('lists worktrees with their sandboxes and warns of nested repositories', async () => {
    await open('feature');
    await inside(
      'wt-feature',
      'git init -q n; git -C n commit -q --allow-empty -m x; git -C n config core.fsmonitor "touch /tmp/x"; git add n',
    );
    const { worktrees } = await engine.call('worktree/list', { cwd: lab.main });
    assert.equal(worktrees.length, 1);
    assert.match(worktrees[0]?.warnings?.join() ?? '', /nested repositories.*"n"/);
    assert.match((await open('feature')).worktree.warnings?.join() ?? '', /nested/);
    const other = makeLab();
    try {
      assert.deepEqual((await engine.call('worktree/list', { cwd: other.main })).worktrees, []);
    } finally {
      other.dispose();
    }
    assert.equal((await engine.call('worktree/list', { cwd: lab.home })).worktrees.length, 1);
    assert.equal((await engine.call('worktree/list', {})).worktrees.length, 1);
  });

  it('takes a folder inside a worktree for its repository, whatever a guest made of it', async () => {
    await open('feature');
    await inside('wt-feature', 'git init -q trap; git -C trap commit -q --allow-empty -m x');
    const { repository, current } = await engine.call('worktree/branches', {
      cwd: join(lab.folder, 'feature', 'trap'),
    });
    assert.equal(repository, lab.main);
    assert.equal(current, 'main');
  });

  it('removes sandbox and worktree, but not work', async () => {
    await open('feature');
    await inside('wt-feature', 'echo x > unsaved');
    const remove = (force?: boolean) =>
      engine.call('worktree/remove', {
        cwd: lab.main,
        branch: 'feature',
        ...(force === undefined ? {} : { force }),
      });
    assert.match((await failsWith('worktree-dirty', remove())).message, /unsaved/);
    await inside('wt-feature', 'git add unsaved; git commit -qm saved');
    assert.match((await failsWith('worktree-dirty', remove())).message, /1 commit /);
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    assert.match((await failsWith('worktree-dirty', remove())).message, /1 commit /);
    assert.equal((await engine.get('wt-feature')).status, 'stopped');
    const tip = lab.git(lab.main, 'rev-parse', 'feature');
    assert.equal((await remove(true)).path, join(lab.folder, 'feature'));
    assert.deepEqual(folders(), []);
    assert.deepEqual(await sandboxes(), []);
    assert.equal(lab.git(lab.main, 'rev-parse', 'feature'), tip);
    await failsWith('path-not-found', remove());
    await failsWith('branch-not-found', engine.call('worktree/remove', { cwd: lab.main, branch: 'never' }));
    await failsWith(
      'worktree-conflict',
      engine.call('worktree/remove', { cwd: lab.main, branch: 'main', force: true }),
    );
  });

  it('removes what is left when somebody deleted the worktree by hand, and makes it again', async () => {
    await open('feature');
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    rmSync(join(lab.folder, 'feature'), { recursive: true });
    const again = await open('feature');
    assert.deepEqual(again.created, { branch: false, worktree: true, sandbox: false });
    assert.equal(await inside('wt-feature', 'cat README.md'), 'hello');
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    rmSync(join(lab.folder, 'feature'), { recursive: true });
    await engine.call('worktree/remove', { cwd: lab.main, branch: 'feature' });
    assert.deepEqual(await sandboxes(), []);
    assert.equal(existsSync(join(lab.main, '.git/worktrees/feature')), false);
  });

  it('shows the same diff computed inside and on the host', async () => {
    await open('feature');
    await inside(
      'wt-feature',
      'echo committed > a; git add a; git commit -qm a; echo more >> README.md; echo new > "n w"; rm src/app.txt',
    );
    const before = lab.git(lab.main, 'count-objects');
    const running = await engine.call('worktree/diff', { cwd: lab.main, branch: 'feature' });
    assert.equal(lab.git(lab.main, 'count-objects'), before);
    await engine.call('sandbox/stop', { sandbox: 'wt-feature' });
    assert.deepEqual(await engine.call('worktree/diff', { cwd: lab.main, branch: 'feature' }), running);
    assert.match(running.patch, /\+committed/);
    assert.match(
      (await engine.call('worktree/diff', { cwd: lab.main, branch: 'feature', stat: true })).patch,
      /4 files changed/,
    );
  });

  it('merges back what was committed inside', async () => {
    await open('feature');
    await inside('wt-feature', 'echo x > x; git add x; git commit -qm x');
    const { kind } = await engine.call('worktree/merge', { cwd: lab.main, branch: 'feature' });
    assert.equal(kind, 'fast-forward');
    assert.equal(existsSync(join(lab.main, 'x')), true);
    await engine.call('worktree/remove', { cwd: lab.main, branch: 'feature' });
  });

  it('keeps the guest away from what git on the host reads', async () => {
    await open('feature');
    const canary = join(lab.folder, 'canary');
    const common = join(lab.main, '.git');
    await engine.exec(
      'wt-feature',
      'sh',
      '-c',
      `for f in ${common}/config ${common}/hooks/post-checkout ${common}/worktrees/feature/commondir ${common}/logs/HEAD /workspace/.git; do rm -f $f; printf '[core]\\n\\tfsmonitor = touch ${canary}\\n' > $f; done; true`,
    );
    for (const args of [['status'], ['commit', '--quiet', '--allow-empty', '-m', 'x'], ['reflog']]) {
      assert.equal(
        spawnSync('git', args, { cwd: lab.main, env: { ...process.env, HOME: lab.home } }).status,
        0,
      );
    }
    lab.git(join(lab.folder, 'feature'), 'status');
    assert.equal(existsSync(canary), false);
  });
});

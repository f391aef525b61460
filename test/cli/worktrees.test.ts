// The whole life of a branch in its sandbox, left running and attached to a terminal.
import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { helperContract } from '../../server/protocol/helper.ts';
import { parse } from '../../server/protocol/parse.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { MergeResult, WorktreeInfo } from '../../server/protocol/worktree.ts';
import { eventually } from '../support/eventually.ts';
import { errorOf, launcher, listenTo, makeWorld, needEngine, type World } from './support/world.ts';

const Opened = helperContract['worktree/open'].result;

describe('heyvm wt', () => {
  let world: World;
  const terminals: ChildProcess[] = [];

  before(async function () {
    needEngine(this);
    world = await makeWorld();
    writeFileSync(join(world.repository, 'tea.txt'), 'black\n');
    await world.git('add', 'tea.txt');
    await world.git('commit', '-q', '-m', 'tea');
  });
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.kill('SIGKILL');
  });
  after(() => world?.end());

  const inside = (branch: string, script: string) =>
    world.heyvm(['exec', `wt-${branch.replace('/', '-')}`, '--', 'sh', '-c', script]);

  it('makes branch, worktree and sandbox, and uses them again', async () => {
    const first = opened(await world.json(['wt', 'feature/x', '--detach']));
    assert.deepEqual(first.created, { branch: true, worktree: true, sandbox: true });
    assert.deepEqual([first.sandbox.name, first.sandbox.status], ['wt-feature-x', 'running']);
    assert.equal(readFileSync(join(first.worktree.path, 'tea.txt'), 'utf8'), 'black\n');
    const second = opened(await world.json(['wt', 'feature/x', '-d']));
    assert.deepEqual(second.created, { branch: false, worktree: false, sandbox: false });
    assert.equal(second.sandbox.owner?.pid, first.sandbox.owner?.pid);
    const text = await world.heyvm(['wt', 'feature/x', '--detach']);
    assert.match(
      text.stdout,
      /wt-feature-x \(sb-[0-9a-f]{8}\) is running on bubblewrap\nbranch feature\/x is in /,
    );
    assert.match(text.stderr, /next: heyvm sh wt-feature-x/);
  });

  it('lists it, shows what it changed, and merges it', async () => {
    const made = await inside(
      'feature/x',
      'echo green > tea.txt && git commit -qam "green tea" && echo draft > note',
    );
    assert.equal(made.code, 0, made.stderr);
    const listed = z.parse(z.array(WorktreeInfo), await world.json(['wt', '--list']));
    assert.deepEqual(
      listed.map(({ branch, sandbox }) => [branch, sandbox?.status]),
      [['feature/x', 'running']],
    );
    assert.match((await world.heyvm(['wt', '--list'])).stdout, /feature\/x +wt-feature-x +running/);
    assert.match((await world.heyvm(['wt', 'feature/x', '--diff'])).stdout, /-black\n\+green/);
    assert.match((await world.heyvm(['wt', 'feature/x', '--diff', '--stat'])).stdout, /tea\.txt +\|/);
    const diff = z.parse(
      helperContract['worktree/diff'].result,
      await world.json(['wt', 'feature/x', '--diff', '--base', 'main']),
    );
    assert.match(diff.patch, /\+green/);
    const merged = z.parse(MergeResult, await world.json(['wt', 'feature/x', '--merge']));
    assert.deepEqual([merged.branch, merged.into], ['feature/x', 'main']);
    assert.equal(readFileSync(join(world.repository, 'tea.txt'), 'utf8'), 'green\n');
  });

  it('tries several ways at once, and says what did not come along', async () => {
    const forked = await world.heyvm(['fork', 'wt-feature-x', '--count', '2']);
    assert.match(
      forked.stderr,
      /bubblewrap keeps no states, so each has the files of the workspace and a new home/,
    );
    for (const branch of ['feature/x-fork-1', 'feature/x-fork-2']) {
      const seen = await inside(branch, 'git branch --show-current; cat tea.txt note');
      assert.equal(seen.stdout, `${branch}\ngreen\ndraft\n`);
      assert.equal((await world.heyvm(['wt', branch, '--remove', '--force'])).code, 0);
      await world.git('branch', '-D', branch);
    }
  });

  it('refuses to throw work away, and removes it when it must', async () => {
    const path = (await worktreeOf('feature/x'))?.path ?? '';
    const refused = await world.heyvm(['wt', 'feature/x', '--remove', '--format', 'json']);
    assert.deepEqual([refused.code, errorOf(refused).code], [6, 'worktree-dirty']);
    assert.equal(existsSync(join(path, 'note')), true);
    const removed = z.parse(
      helperContract['worktree/remove'].result,
      await world.json(['wt', 'feature/x', '--remove', '--force']),
    );
    assert.equal(removed.path, path);
    assert.equal(existsSync(path), false);
    assert.equal((await world.heyvm(['get', 'wt-feature-x'])).code, 3);
    assert.match(await world.git('branch', '--list', 'feature/x'), /feature\/x/);
    assert.match((await world.heyvm(['wt', '--list'])).stderr, /heyvm wt <branch>/);
  });

  it('takes a place, a start and a new branch as it is told, and refuses an old branch as new', async () => {
    const path = join(world.folder, 'a place of its own');
    const begin = (await world.git('rev-list', '--max-parents=0', 'main')).trim();
    const made = opened(
      await world.json(['wt', 'from-first', '-b', '--from', begin, '--path', path, '--detach']),
    );
    assert.equal(made.worktree.path, path);
    assert.equal(existsSync(join(path, 'tea.txt')), false);
    const again = await world.heyvm(['wt', 'from-first', '-b', '--detach', '--format', 'json']);
    assert.deepEqual([again.code, errorOf(again).code], [6, 'worktree-conflict']);
    const elsewhere = ['--path', join(world.folder, 'elsewhere'), '--detach', '--format', 'json'];
    const moved = await world.heyvm(['wt', 'from-first', ...elsewhere]);
    assert.deepEqual([moved.code, errorOf(moved).code], [6, 'worktree-conflict']);
    await world.json(['wt', 'from-first', '--path', path, '--detach']);
    await world.json(['wt', 'from-first', '--remove', '--force']);
  });

  it('warns of a repository that was nested into the worktree, when it can be seen', async () => {
    const nest =
      'git init -q n && git -C n -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git add n';
    const about = /warning: .*nested: git status on the host would look into nested repositories.*"n"/;
    const left = await world.heyvm(['wt', 'nested'], { input: `${nest} 2>/dev/null\n` });
    assert.equal(left.code, 0, left.stderr);
    assert.match(left.stderr, about);
    assert.match((await world.heyvm(['wt', 'nested', '--detach'])).stderr, about);
    const listed = await world.heyvm(['wt', '--list']);
    assert.match(listed.stderr, about);
    assert.doesNotMatch(listed.stdout, /nested repositories/);
    await world.json(['wt', 'nested', '--remove', '--force']);
  });

  const failures: readonly (readonly [string[], number])[] = [
    [['no..good', '--detach'], 2],
    [['absent', '--shell'], 3],
    [['absent', '--remove'], 3],
    [['absent', '--diff'], 3],
    [['absent', '--merge'], 3],
    [['absent', '--commits'], 3],
    [['main', '--merge', '--cherry-pick', '12345678'], 2],
  ];
  for (const [args, exit] of failures) {
    it(`heyvm wt ${args.join(' ')} is refused with ${exit}`, async () => {
      const done = await world.heyvm(['wt', ...args]);
      assert.equal(done.code, exit, done.stderr);
      assert.match(done.stderr, /^heyvm: \S/);
    });
  }

  it('is refused outside of a repository', async () => {
    const done = await world.heyvm(['wt', 'x', '--detach', '--format', 'json'], { cwd: world.folder });
    assert.deepEqual([done.code, errorOf(done).code], [3, 'repository-not-found']);
  });

  it('gives one sandbox to twenty who open the same branch at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => world.json(['wt', 'crowd', '--detach'])));
    const ids = new Set(all.map(answer => opened(answer).sandbox.id));
    assert.equal(ids.size, 1);
    assert.equal(all.filter(answer => opened(answer).created.sandbox).length, 1);
    await world.json(['wt', 'crowd', '--remove', '--force']);
  }).timeout(180_000);

  it('opens a shell, and keeps the worktree but not the sandbox after exit', async () => {
    const screen = attach('attached');
    await eventually(() => /[$#] $/.test(screen.text), { what: 'a prompt' });
    const sandbox = await sandboxOf('attached');
    assert.equal(sandbox?.attached, true);
    const path = (await worktreeOf('attached'))?.path ?? '';
    type('echo "at $(pwd) on $(git branch --show-current)" | tee from-inside\r');
    await eventually(() => screen.text.includes('at /workspace on attached'), { what: 'the answer' });
    type('exit 3\r');
    await eventually(() => screen.text.includes('status 3'), { what: 'the status' });
    assert.match(screen.text, /the worktree stays in /);
    assert.equal(await sandboxOf('attached'), undefined);
    assert.equal(readFileSync(join(path, 'from-inside'), 'utf8'), 'at /workspace on attached\n');
  });

  it('stays while a second shell is open, and goes with the last one', async () => {
    const first = attach('shared');
    await eventually(() => /[$#] $/.test(first.text), { what: 'a prompt' });
    const second = attach('shared');
    await eventually(() => /[$#] $/.test(second.text), { what: 'a second prompt' });
    terminals[0]?.stdin?.write('exit\r');
    await eventually(() => first.text.includes('status 0'), { what: 'the end of the first shell' });
    assert.match(first.text, /goes on for its other shells/);
    assert.equal((await sandboxOf('shared'))?.status, 'running');
    type('exit\r');
    await eventually(() => second.text.includes('status 0'), { what: 'the end of the second shell' });
    await eventually(async () => (await sandboxOf('shared')) === undefined, {
      what: 'the end of the sandbox',
    });
  });

  it('joins a sandbox that was left running, and leaves it running', async () => {
    await world.json(['wt', 'kept', '--detach']);
    for (const flags of [[], ['--shell']]) {
      const screen = attach('kept', ...flags);
      await eventually(() => /[$#] $/.test(screen.text), { what: 'a prompt' });
      type('exit\r');
      await eventually(() => screen.text.includes('status 0'), { what: 'the end of the shell' });
      assert.equal((await sandboxOf('kept'))?.status, 'running');
    }
    await world.json(['stop', 'wt-kept']);
    const stopped = await world.heyvm(['wt', 'kept', '--shell']);
    assert.notEqual(stopped.code, 0);
    assert.match(stopped.stderr, /heyvm wt kept/);
  });

  for (const signal of ['SIGHUP', 'SIGKILL'] as const) {
    it(`removes the sandbox when ${signal} ends the command line, and opens it again`, async () => {
      const screen = attach('fragile');
      await eventually(() => /[$#] $/.test(screen.text), { what: 'a prompt' });
      type('sleep 4245\r');
      const before = await sandboxOf('fragile');
      const path = (await worktreeOf('fragile'))?.path ?? '';
      const terminal = terminals.at(-1);
      process.kill(commandLineBelow(terminal?.pid ?? 0), signal);
      await eventually(async () => (await sandboxOf('fragile')) === undefined, {
        what: 'the end of the sandbox',
      });
      await eventually(() => !existsSync(`/proc/${before?.owner?.pid}`), { what: 'the end of the owner' });
      assert.equal(existsSync(join(path, '.git')), true);
    });
  }

  it('removes the sandbox when the terminal itself goes away', async () => {
    const screen = attach('fragile');
    await eventually(() => /[$#] $/.test(screen.text), { what: 'a prompt' });
    terminals.at(-1)?.kill('SIGKILL');
    await eventually(async () => (await sandboxOf('fragile')) === undefined, {
      what: 'the end of the sandbox',
    });
  });

  it('leaves nothing behind when it is interrupted while it makes the sandbox', async () => {
    const child = world.start(['wt', 'interrupted', '--detach']);
    const closed = once(child, 'close');
    await eventually(() => existsSync(join(world.folder, 'interrupted')) || child.exitCode !== null, {
      what: 'the worktree',
      everyMs: 1,
    });
    child.kill('SIGINT');
    const [code] = (await closed) as [number];
    assert.ok(code === 130 || code === 0, `it gave ${code}`);
    const left = await sandboxOf('interrupted');
    assert.equal(left !== undefined, code === 0);
  });

  function attach(branch: string, ...flags: string[]): { readonly text: string } {
    const command = `${launcher} wt ${branch} ${flags.join(' ')}; echo "status $?"`;
    const env = { ...world.env, SHELL: '/bin/sh' };
    const terminal = spawn('script', ['-qfec', command, '/dev/null'], { cwd: world.repository, env });
    terminals.push(terminal);
    return listenTo(terminal.stdout);
  }

  function type(keys: string): void {
    terminals.at(-1)?.stdin?.write(keys);
  }

  async function worktreeOf(branch: string): Promise<WorktreeInfo | undefined> {
    const listed = z.parse(z.array(WorktreeInfo), await world.json(['wt', '--list']));
    return listed.find(worktree => worktree.branch === branch);
  }

  async function sandboxOf(branch: string): Promise<SandboxInfo | undefined> {
    return (await worktreeOf(branch))?.sandbox;
  }
});

function opened(value: unknown): z.output<typeof Opened> {
  const parsed = parse(Opened, value);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
  assert.deepEqual(value, parsed.value, 'nothing is printed but what the contract has');
  return parsed.value;
}

function commandLineBelow(pid: number): number {
  const found = below(pid).find(child =>
    readFileSync(`/proc/${child}/cmdline`, 'latin1').includes('start.cjs'),
  );
  assert.ok(found, 'the command line does not run');
  return found;
}

function below(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === ''
    ? []
    : text
        .split(' ')
        .map(Number)
        .flatMap(child => [child, ...below(child)]);
}

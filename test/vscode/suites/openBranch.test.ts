// Open Branch in Sandbox: from a branch to a running sandbox, reuse, new branches, failures and cancelling.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvm, heyvmOk, listed, product, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

type Opened = {
  readonly sandbox: SandboxInfo;
  readonly created: { readonly branch: boolean; readonly worktree: boolean; readonly sandbox: boolean };
};

describe('Open Branch in Sandbox', () => {
  let repository: Repository;

  before(() => {
    repository = makeRepository('feature/one', 'feature/two');
  });

  after(async () => {
    await removeAll();
    repository.remove();
  });

  const open = (branch: string, more: Readonly<Record<string, unknown>> = {}) =>
    command<Opened>('heyvm.openBranch', { repository: repository.path, branch, open: 'none', ...more });

  it('makes a worktree and a running sandbox in which the branch is at /workspace', async () => {
    const { sandbox, created } = await open('feature/one');
    assert.deepEqual(created, { branch: false, worktree: true, sandbox: true });
    assert.equal(sandbox.status, 'running');
    const worktree = sandbox.worktree?.path ?? '';
    assert.equal(readFileSync(join(worktree, 'file.txt'), 'utf8'), 'one\n');
    await heyvmOk(
      'exec',
      sandbox.id,
      '--',
      'sh',
      '-c',
      'echo inside > /workspace/made.txt && git add . && git commit -qm Inside',
    );
    assert.equal(readFileSync(join(worktree, 'made.txt'), 'utf8'), 'inside\n');
    assert.equal(repository.git('log', '-1', '--format=%s', 'feature/one'), 'Inside');
  });

  it('reuses the sandbox of a branch that has one', async () => {
    const { sandbox, created } = await open('feature/one');
    assert.deepEqual(created, { branch: false, worktree: false, sandbox: false });
    assert.equal((await listed()).filter(({ worktree }) => worktree?.branch === 'feature/one').length, 1);
    assert.equal(sandbox.status, 'running');
  });

  it('makes a new branch where it is told to begin', async () => {
    const { created } = await open('feature/three', { from: 'feature/one' });
    assert.equal(created.branch, true);
    assert.equal(repository.git('rev-parse', 'feature/three'), repository.git('rev-parse', 'feature/one'));
  });

  it('says what is wrong and what to do when the backend does not exist', async () => {
    await assert.rejects(open('feature/two', { backend: 'no-such-backend' }), /no-such-backend/);
    assert.ok(!(await listed()).some(({ worktree }) => worktree?.branch === 'feature/two'));
  });

  it('says that a folder is no repository', async () => {
    await assert.rejects(
      command('heyvm.openBranch', { repository: '/', branch: 'x', open: 'none' }),
      /repository/,
    );
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const before = {
      worktrees: repository.git('worktree', 'list'),
      branches: repository.git('branch', '--list'),
    };
    const cancel = new AbortController();
    const opening = open('feature/cancelled', { signal: cancel.signal });
    cancel.abort();
    await assert.rejects(opening, /cancelled/i);
    await eventually(async () => !(await listed()).some(({ name }) => name.includes('cancelled')));
    assert.equal(repository.git('worktree', 'list'), before.worktrees);
    assert.equal(repository.git('branch', '--list'), before.branches);
  });

  it('leaves nothing behind when it is cancelled in the middle', async () => {
    const before = {
      worktrees: repository.git('worktree', 'list'),
      branches: repository.git('branch', '--list'),
    };
    const { helper } = await product();
    const phases: string[] = [];
    const cancel = new AbortController();
    const params = { cwd: repository.path, branch: 'feature/halfway' };
    const opening = helper.call('worktree/open', params, {
      signal: cancel.signal,
      progress: ({ phase }) => {
        phases.push(phase);
        cancel.abort();
      },
    });
    await assert.rejects(opening, /cancelled/i);
    assert.ok(phases.length > 0);
    await eventually(async () => !(await listed()).some(({ name }) => name.includes('halfway')));
    assert.equal(repository.git('worktree', 'list'), before.worktrees);
    assert.equal(repository.git('branch', '--list'), before.branches);
  });

  it('reports its phases while it works', async () => {
    const { helper } = await product();
    const phases: string[] = [];
    const params = { cwd: repository.path, branch: 'feature/two' };
    await helper.call('worktree/open', params, { progress: ({ phase }) => phases.push(phase) });
    assert.ok(new Set(phases).size >= 2, phases.join(', '));
  });

  it('removes sandbox and worktree, and refuses to lose work', async () => {
    const one = (await listed()).find(({ worktree }) => worktree?.branch === 'feature/one');
    const path = one?.worktree?.path ?? '';
    await command('heyvm.remove', { sandbox: one?.id, confirmed: 'sandbox' });
    assert.ok(existsSync(path), 'the worktree stays');
    assert.equal((await heyvm('get', one?.id ?? '')).code, 3);
    const two = (await open('feature/two')).sandbox;
    writeFileSync(join(two.worktree?.path ?? '', 'unsaved.txt'), 'work\n');
    const { helper } = await product();
    const refused = helper.call('worktree/remove', { cwd: repository.path, branch: 'feature/two' });
    await assert.rejects(refused, { code: 'worktree-dirty' });
    assert.ok(existsSync(join(two.worktree?.path ?? '', 'unsaved.txt')));
    await helper.call('worktree/remove', { cwd: repository.path, branch: 'feature/two', force: true });
    assert.ok(!existsSync(two.worktree?.path ?? ''));
    assert.ok(repository.git('branch', '--list', 'feature/two').includes('feature/two'));
  });
});

// What a branch changed: in the editor's diff editors, as a patch, merged back, and beside what other branches changed.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Changes } from '../../../extension/review/openChanges.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvmOk, listed, product, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

describe('review', () => {
  let repository: Repository;
  let sandbox: SandboxInfo;

  before(async () => {
    repository = makeRepository('feature/review');
    sandbox = await open('feature/review');
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await removeAll();
    repository.remove();
  });

  async function open(branch: string): Promise<SandboxInfo> {
    const argument = { repository: repository.path, branch, open: 'none' };
    return (await command<{ sandbox: SandboxInfo }>('heyvm.openBranch', argument)).sandbox;
  }
  const inside = (script: string) => heyvmOk('exec', sandbox.id, '--', 'sh', '-ec', script);
  const documents = () => vscode.workspace.textDocuments.filter(({ uri }) => uri.scheme === 'heyvm-review');
  const labels = () => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ label }) => label));

  it('says so when nothing changed', async () => {
    const { files } = await command<Changes>('heyvm.showChanges', { sandbox: sandbox.id });
    assert.deepEqual(files, []);
  });

  it('shows one changed file in a diff editor, read-only, from both sides', async () => {
    await inside('echo two >> file.txt');
    await command<Changes>('heyvm.showChanges', { sandbox: sandbox.id });
    await eventually(() => labels().includes('file.txt (feature/review)'), { what: 'the diff editor' });
    const texts = await eventually(() => {
      const found = documents().map(document => document.getText());
      return found.length === 2 ? found.sort() : undefined;
    });
    assert.deepEqual(texts, ['one\n', 'one\ntwo\n']);
    for (const { uri } of documents()) {
      await assert.rejects(async () => vscode.workspace.fs.writeFile(uri, Buffer.from('x')));
    }
  });

  it('shows several in one editor, and says which are binary', async () => {
    await inside(
      'git commit -qam Two; echo new > new.txt; printf "\\0\\1" > blob.bin; git mv file.txt moved.txt',
    );
    const { files } = await command<Changes>('heyvm.showChanges', { sandbox: sandbox.id });
    const kinds = files.map(({ path, kind, binary }) => `${path} ${kind} ${binary}`);
    assert.deepEqual(kinds.sort(), ['blob.bin added true', 'moved.txt renamed false', 'new.txt added false']);
    await eventually(() => labels().some(label => label.startsWith('Changes of feature/review')), {
      what: 'the editor of all changes',
    });
    await eventually(() => documents().some(document => document.getText() === 'new\n'));
  });

  it('follows no link out of the worktree', async () => {
    await inside('ln -s /etc/hostname link');
    const { helper } = await product();
    const asked = { cwd: repository.path, branch: 'feature/review' };
    const { data } = await helper.call('worktree/content', { ...asked, path: 'link' });
    assert.equal(Buffer.from(data ?? '', 'base64').toString(), '/etc/hostname');
    await inside('rm link');
  });

  it('is kept as a patch that applies', async () => {
    const to = join(repository.path, '..', 'review.patch');
    await command('heyvm.savePatch', { sandbox: sandbox.id, to });
    repository.git('apply', '--check', to);
    assert.match(readFileSync(to, 'utf8'), /\+new/);
  });

  it('refuses to merge over changes of the main worktree, and changes nothing', async () => {
    await inside('git add -A; git commit -qm Three');
    writeFileSync(join(repository.path, 'file.txt'), 'mine\n');
    const before = repository.git('rev-parse', 'main');
    await assert.rejects(command('heyvm.mergeBack', { sandbox: sandbox.id, confirmed: true }), {
      code: 'worktree-conflict',
      message: /file\.txt/,
    });
    assert.equal(repository.git('rev-parse', 'main'), before);
    repository.git('checkout', '--', 'file.txt');
  });

  it('refuses to remove what was not merged', async () => {
    await inside('echo left > left.txt');
    const argument = { sandbox: sandbox.id, confirmed: true, afterwards: 'remove' };
    await assert.rejects(command('heyvm.mergeBack', argument), { code: 'worktree-dirty' });
    assert.equal(
      readFileSync(join(repository.path, 'new.txt'), 'utf8'),
      'new\n',
      'what was committed is merged',
    );
    assert.ok(existsSync(join(sandbox.worktree?.path ?? '', 'left.txt')));
    assert.ok((await listed()).some(({ id }) => id === sandbox.id));
  });

  it('merges back, and removes sandbox and worktree when all of it is merged', async () => {
    await inside('git add -A; git commit -qm Left');
    const argument = { sandbox: sandbox.id, confirmed: true, afterwards: 'remove' };
    const merged = await command<{ into: string; kind: string }>('heyvm.mergeBack', argument);
    assert.equal(merged.into, 'main');
    assert.equal(readFileSync(join(repository.path, 'left.txt'), 'utf8'), 'left\n');
    assert.ok(!existsSync(sandbox.worktree?.path ?? ''));
    assert.ok(!(await listed()).some(({ id }) => id === sandbox.id));
  });

  it('takes single commits over, and offers them no longer', async () => {
    sandbox = await open('feature/picked');
    await inside('echo a > a.txt; git add .; git commit -qm A; echo b > b.txt; git add .; git commit -qm B');
    const { helper } = await product();
    const asked = { cwd: repository.path, branch: 'feature/picked' };
    const { commits, into } = await helper.call('worktree/commits', asked);
    assert.deepEqual([into, ...commits.map(({ subject }) => subject)], ['main', 'A', 'B']);
    const argument = { sandbox: sandbox.id, commits: [commits[1]?.id], confirmed: true };
    assert.equal((await command<{ taken: number }>('heyvm.cherryPick', argument)).taken, 1);
    assert.ok(existsSync(join(repository.path, 'b.txt')) && !existsSync(join(repository.path, 'a.txt')));
    const left = await helper.call('worktree/commits', asked);
    assert.deepEqual(
      left.commits.map(({ subject }) => subject),
      ['A'],
    );
  });

  it('cleans up in one step, and not while a commit is nowhere else', async () => {
    const argument = { sandbox: sandbox.id, confirmed: true };
    await assert.rejects(command('heyvm.cleanUp', argument), { code: 'worktree-dirty' });
    assert.ok(existsSync(sandbox.worktree?.path ?? ''));
    await command('heyvm.mergeBack', argument);
    await command('heyvm.cleanUp', argument);
    assert.ok(!existsSync(sandbox.worktree?.path ?? ''));
    assert.ok(!(await listed()).some(({ id }) => id === sandbox.id));
  });

  it('tells a conflict in words', async () => {
    sandbox = await open('feature/conflict');
    await inside('echo theirs > new.txt; git commit -qam Theirs');
    writeFileSync(join(repository.path, 'new.txt'), 'ours\n');
    repository.git('commit', '-qam', 'Ours');
    await assert.rejects(command('heyvm.mergeBack', { sandbox: sandbox.id, confirmed: true }), {
      code: 'worktree-conflict',
      message: /feature\/conflict and main changed the same places of "new\.txt"/,
    });
  });

  it('says that a sandbox without a branch has no changes to show', async () => {
    await heyvmOk('create', '--name', 'no-branch');
    await assert.rejects(command('heyvm.showChanges', { sandbox: 'no-branch' }), /no branch of its own/);
  });
});

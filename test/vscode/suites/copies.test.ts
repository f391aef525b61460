// Snapshots and copies from the editor, of a container that a real engine runs.
import { strict as assert } from 'node:assert';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvmIn, heyvmOk, listed, product, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

describe('copies of a container', () => {
  let repository: Repository | undefined;
  let sandbox: SandboxInfo;
  const note = async (id: string) => (await heyvmOk('exec', id, '--', 'sh', '-c', 'cat ~/note')).trim();
  const write = (text: string) => heyvmOk('exec', sandbox.id, '--', 'sh', '-c', `echo ${text} >~/note`);
  const current = async (): Promise<SandboxInfo | undefined> =>
    (await listed()).find(({ id }) => id === sandbox.id);

  before(async function () {
    const engine = process.env['HEYVM_TEST_ENGINE'];
    if (engine === undefined) {
      console.log(`not run: ${process.env['HEYVM_TEST_NO_ENGINE']}`);
      return this.skip();
    }
    repository = makeRepository();
    const kind = ['--backend', 'docker', '--image', 'debian:12', '--connect', engine];
    const opened = await heyvmIn(repository.path, 'wt', 'feature/copied', '--detach', ...kind);
    assert.equal(opened.code, 0, opened.stderr);
    const [made] = await listed();
    assert.ok(made);
    sandbox = made;
    assert.equal(sandbox.backend_type, 'docker');
  });

  after(async () => {
    if (repository === undefined) return;
    await removeAll();
    repository.remove();
  });

  it('begin with a state that is kept and gone back to', async () => {
    await write('one');
    const kept = await command<SandboxInfo>('heyvm.snapshot', { sandbox: sandbox.id, name: 'before' });
    assert.deepEqual(
      kept.snapshots?.map(({ name, memory }) => ({ name, memory })),
      [{ name: 'before', memory: false }],
    );
    await write('two');
    const back = { sandbox: sandbox.id, snapshot: 'before', confirmed: true };
    const restored = await command<SandboxInfo>('heyvm.restore', back);
    if (restored.status !== 'running') await command('heyvm.start', { sandbox: sandbox.id });
    assert.equal(await note(sandbox.id), 'one');
  });

  it('run with what the first one had, each on a branch of its own', async () => {
    const { sandboxes } = await command<{ sandboxes: readonly SandboxInfo[] }>('heyvm.fork', {
      sandbox: sandbox.id,
      count: 2,
    });
    assert.equal(sandboxes.length, 2);
    for (const copy of sandboxes) {
      assert.equal(copy.status, 'running');
      assert.equal(await note(copy.id), 'one');
      const branch = copy.worktree?.branch ?? '';
      assert.equal((await heyvmOk('exec', copy.id, '--', 'git', 'branch', '--show-current')).trim(), branch);
    }
    const branches = [sandbox, ...sandboxes].map(({ worktree }) => worktree?.branch);
    assert.equal(new Set(branches).size, 3, branches.join(', '));
    const [first, second] = sandboxes;
    assert.ok(first && second);
    await heyvmOk('exec', first.id, '--', 'sh', '-c', 'echo changed >~/note');
    assert.equal(await note(second.id), 'one');
  });

  it('are in the tree beside the first one', async () => {
    const { tree } = await product();
    const names = await eventually(async () => {
      const groups = await tree.getChildren();
      const nodes = (await Promise.all(groups.map(group => tree.getChildren(group)))).flat();
      const shown = nodes.flatMap(node => (node.kind === 'sandbox' ? [node.sandbox.worktree?.branch] : []));
      return shown.length === 3 ? shown : undefined;
    });
    assert.ok(names.includes('feature/copied'), names.join(', '));
  });

  it('need no snapshot that is removed', async () => {
    const gone = { sandbox: sandbox.id, snapshot: 'before', confirmed: true };
    await command('heyvm.removeSnapshot', gone);
    assert.deepEqual((await current())?.snapshots ?? [], []);
  });
});

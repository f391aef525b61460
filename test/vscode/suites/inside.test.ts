// What the tree shows of a sandbox besides its state: ports and forwards, how far its branch has come, what can be kept.
import { strict as assert } from 'node:assert';
import { createServer, type Server } from 'node:net';
import * as vscode from 'vscode';
import type { Forward } from '../../../extension/forwards.ts';
import type { PortNode, SandboxNode, TreeNode } from '../../../extension/views/nodes.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvm, heyvmOk, product, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

describe('below a sandbox in the tree', () => {
  let repository: Repository;
  let sandbox: SandboxInfo;
  /** Of this machine it is taken, so that another one is found. */
  let port: number;
  let occupied: Server;

  before(async () => {
    repository = makeRepository('feature/ports');
    const argument = { repository: repository.path, branch: 'feature/ports', open: 'none' };
    ({ sandbox } = await command<{ sandbox: SandboxInfo }>('heyvm.openBranch', argument));
    occupied = createServer();
    await new Promise<void>(resolve => occupied.listen(0, '127.0.0.1', resolve));
    const address = occupied.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });

  after(async () => {
    occupied.close();
    await removeAll();
    repository.remove();
  });

  async function nodeOf(id: string): Promise<SandboxNode> {
    const { tree } = await product();
    return await eventually(async () => {
      const groups = await tree.getChildren();
      const children = (await Promise.all(groups.map(group => tree.getChildren(group)))).flat();
      return children.find(
        (node): node is SandboxNode =>
          node.kind === 'sandbox' && node.sandbox.id === id && node.sandbox.status === 'running',
      );
    });
  }
  const below = async (): Promise<TreeNode[]> => (await product()).tree.getChildren(await nodeOf(sandbox.id));
  const portNode = async (): Promise<PortNode | undefined> =>
    (await below()).find((node): node is PortNode => node.kind === 'port' && node.port === port);
  /** Ends with its sandbox. */
  const serve = async (): Promise<void> => {
    void heyvm('exec', sandbox.id, '--', 'python3', '-m', 'http.server', String(port), '--bind', '127.0.0.1');
    await eventually(async () => (await portNode())?.isListening, { what: 'the server inside' });
  };
  const answers = async (host: number): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${host}/file.txt`).catch(() => undefined);
    return answer !== undefined && (await answer.text()) === 'one\n';
  };
  let forward: Forward;

  it('says that nothing listens', async () => {
    const { tree } = await product();
    const [node, ...more] = await below();
    assert.ok(node);
    assert.deepEqual(more, []);
    assert.equal(tree.getTreeItem(node).accessibilityInformation?.label, 'No program listens on a port yet');
  });

  it('shows a port that a program listens on', async () => {
    await serve();
    const { tree } = await product();
    const node = await portNode();
    assert.ok(node);
    const item = tree.getTreeItem(node);
    assert.equal(item.label, `Port ${port}`);
    assert.equal(item.contextValue, 'port');
    assert.equal(item.accessibilityInformation?.label, `port ${port} of feature/ports, not forwarded`);
  });

  it('forwards it, to the next free number where its own is in use', async () => {
    const { tree } = await product();
    const node = await portNode();
    forward = await command<Forward>('heyvm.forwardPort', { ...node, open: 'none' });
    assert.ok(forward.host > port, String(forward.host));
    assert.ok(await answers(forward.host));
    const shown = await portNode();
    assert.ok(shown);
    const item = tree.getTreeItem(shown);
    assert.equal(item.description, `127.0.0.1:${forward.host}`);
    assert.equal(item.contextValue, 'port+forwarded');
  });

  it('gives the same forward to who asks again', async () => {
    assert.deepEqual(
      await command<Forward>('heyvm.forwardPort', { sandbox: sandbox.id, port, open: 'none' }),
      forward,
    );
  });

  it('goes on at the same number when the helper was killed', async () => {
    const { helper } = await product();
    const { state } = helper;
    assert.equal(state.kind, 'running');
    if (state.kind === 'running') process.kill(state.pid, 'SIGKILL');
    await eventually(() => helper.state.kind === 'running' && helper.state.pid !== state.pid);
    await eventually(() => answers(forward.host), { what: 'the forward of the new helper' });
  });

  it('goes on when the sandbox was restarted with another owner', async () => {
    await command('heyvm.restart', { sandbox: sandbox.id });
    await serve();
    await eventually(() => answers(forward.host), { what: 'the forward to the new owner' });
  });

  it('ends with Stop Forwarding', async () => {
    await command('heyvm.stopForwarding', { sandbox: sandbox.id, port });
    await assert.rejects(fetch(`http://127.0.0.1:${forward.host}/`));
    assert.equal((await portNode())?.host, undefined);
  });

  it('shows how far the branch has come, and says it to who cannot see it', async () => {
    const { tree } = await product();
    await heyvmOk(
      'exec',
      sandbox.id,
      '--',
      'sh',
      '-ec',
      'git commit -q --allow-empty -m One; echo x > new.txt',
    );
    tree.setVisible(true);
    const item = await eventually(async () => {
      const found = tree.getTreeItem(await nodeOf(sandbox.id));
      return String(found.description).startsWith('↑1 ●1 · ') ? found : undefined;
    });
    assert.match(item.accessibilityInformation?.label ?? '', /, 1 ahead, 1 changed file(,|$)/);
    assert.equal(item.collapsibleState, vscode.TreeItemCollapsibleState.Collapsed);
  });

  it('offers snapshots where the backend says that it keeps them', async () => {
    const { tree, helper } = await product();
    const { backends } = await helper.call('backend/list', {});
    const own = backends.find(({ id }) => id === sandbox.backend_type);
    const keeps = own?.capabilities.snapshots !== 'none';
    const value = await eventually(async () => tree.getTreeItem(await nodeOf(sandbox.id)).contextValue);
    assert.equal(value.includes('+snapshots'), keeps);
    if (keeps) return;
    const unsupported = { code: 'unsupported', message: new RegExp(sandbox.backend_type) };
    await assert.rejects(command('heyvm.snapshot', { sandbox: sandbox.id, name: 'before' }), unsupported);
  });

  it('shows snapshots, also of a sandbox that does not run, and says what they hold', async () => {
    const { tree } = await product();
    const taken = { name: 'before', created_at: '2026-01-02T03:04:05.000Z', memory: true };
    const stopped: SandboxNode = {
      kind: 'sandbox',
      sandbox: { ...sandbox, status: 'stopped', snapshots: [taken] },
    };
    assert.equal(tree.getTreeItem(stopped).collapsibleState, vscode.TreeItemCollapsibleState.Collapsed);
    const [node, ...more] = await tree.getChildren(stopped);
    assert.ok(node);
    assert.deepEqual(more, []);
    const item = tree.getTreeItem(node);
    assert.equal(item.label, 'before');
    assert.equal(item.contextValue, 'snapshot');
    assert.match(
      item.accessibilityInformation?.label ?? '',
      /^snapshot before of feature\/ports, .*2026.*, with running programs$/,
    );
  });

  it('ends a forward with its sandbox', async () => {
    const { forwards } = await product();
    await command('heyvm.forwardPort', { sandbox: sandbox.id, port, open: 'none' });
    await command('heyvm.remove', { sandbox: sandbox.id, confirmed: 'sandbox' });
    await eventually(() => forwards.of(sandbox.id).length === 0, { what: 'the end of the forward' });
  });
});

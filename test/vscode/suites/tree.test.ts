// The tree shows what there is, grouped by repository, and changes by itself when somebody else changes something.
import { strict as assert } from 'node:assert';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { boundaryDecorations } from '../../../extension/views/boundaryBadges.ts';
import { boundaryBadges, boundaryWords } from '../../../extension/views/describe.ts';
import type { SandboxNode, TreeNode } from '../../../extension/views/nodes.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvmOk, product, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

describe('the tree of sandboxes', () => {
  let repository: Repository;
  let sandbox: SandboxInfo;

  before(async () => {
    repository = makeRepository('feature/tree');
    const argument = { repository: repository.path, branch: 'feature/tree', open: 'none' };
    ({ sandbox } = await command<{ sandbox: SandboxInfo }>('heyvm.openBranch', argument));
    await vscode.commands.executeCommand('heyvm.sandboxes.focus');
  });

  after(async () => {
    await removeAll();
    repository.remove();
  });

  async function nodes(): Promise<{ groups: TreeNode[]; sandboxes: SandboxNode[] }> {
    const { tree } = await product();
    const groups = await tree.getChildren();
    const children = await Promise.all(groups.map(group => tree.getChildren(group)));
    return { groups, sandboxes: children.flat().filter(node => node.kind === 'sandbox') };
  }

  it('shows a branch under its repository with its backend, and says its state and network', async () => {
    const { tree } = await product();
    const node = await eventually(async () =>
      (await nodes()).sandboxes.find(found => found.sandbox.id === sandbox.id),
    );
    const { groups } = await nodes();
    assert.ok(groups.some(group => tree.getTreeItem(group).label === basename(repository.path)));
    const { helper } = await product();
    const { backends } = await helper.call('backend/list', {});
    const boundary =
      backends.find(({ id }) => id === sandbox.backend_type)?.capabilities.boundary ?? 'remote';
    const words = boundaryWords[boundary];
    const item = await eventually(() => {
      const found = tree.getTreeItem(node);
      const said = String(found.description).split(' · ');
      return said.includes(`${sandbox.backend_type} (${words})`) ? found : undefined;
    });
    assert.equal(item.label, 'feature/tree');
    assert.ok(item.resourceUri);
    const { token } = new vscode.CancellationTokenSource();
    const badge = await boundaryDecorations.provideFileDecoration(item.resourceUri, token);
    assert.equal(badge?.tooltip, `${words} boundary`);
    assert.equal(badge?.badge, boundaryBadges[boundary]);
    assert.match(item.contextValue ?? '', /^sandbox\+running\+worktree/);
    const spoken = `branch feature/tree, running, ${sandbox.backend_type}, ${words} boundary, no network`;
    assert.ok(item.accessibilityInformation?.label.startsWith(spoken), item.accessibilityInformation?.label);
    const tooltip = tree.resolveTreeItem(item, node).tooltip;
    assert.ok(tooltip instanceof vscode.MarkdownString);
    assert.ok(tooltip.value.includes(sandbox.backend_type));
    assert.notEqual(tooltip.isTrusted, true);
  });

  it('says what a running sandbox uses, and says it to who cannot see it', async () => {
    const { tree } = await product();
    tree.setVisible(true);
    const item = await eventually(
      async () => {
        const node = (await nodes()).sandboxes.find(found => found.sandbox.id === sandbox.id);
        const found = node && tree.getTreeItem(node);
        return / · \d+% [\d.]+ [MG]B/.test(String(found?.description)) ? found : undefined;
      },
      { withinMs: 60_000, what: 'the use of processor and memory in the tree' },
    );
    assert.match(
      item.accessibilityInformation?.label ?? '',
      /\d percent of a processor, [\d.]+ [MG]B of memory/,
    );
  });

  it('hears of what the command line does elsewhere', async () => {
    const { sandboxes } = await product();
    const statusOf = (name: string) => sandboxes.all.find(found => found.name === name)?.status;
    await heyvmOk('create', '--name', 'from-outside');
    await eventually(() => statusOf('from-outside') === 'running', { what: 'the new sandbox in the tree' });
    await heyvmOk('stop', 'from-outside');
    await eventually(() => statusOf('from-outside') === 'stopped', { what: 'the stop in the tree' });
    await heyvmOk('rm', '--yes', 'from-outside');
    await eventually(() => statusOf('from-outside') === undefined, { what: 'the removal in the tree' });
  });

  it('hears of an owner that was killed', async () => {
    const { sandboxes } = await product();
    await heyvmOk('create', '--name', 'to-be-killed');
    const pid = await eventually(() => sandboxes.all.find(({ name }) => name === 'to-be-killed')?.owner?.pid);
    process.kill(pid, 'SIGKILL');
    await eventually(() => sandboxes.all.find(({ name }) => name === 'to-be-killed')?.status !== 'running', {
      what: 'the end of the killed owner in the tree',
    });
    await heyvmOk('rm', '--force', '--yes', 'to-be-killed');
  });

  it('says in the status bar how many run', async () => {
    const { statusBar, sandboxes } = await product();
    const running = () => sandboxes.all.filter(({ status }) => status === 'running').length;
    await eventually(() => statusBar.text.includes(String(running())));
  });
});

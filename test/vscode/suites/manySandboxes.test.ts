// How much work the tree makes of very many sandboxes: for the editor, and for the helper.
import { strict as assert } from 'node:assert';
import * as vscode from 'vscode';
import type { Sandboxes } from '../../../extension/sandboxes.ts';
import type { Sources, TreeNode } from '../../../extension/views/nodes.ts';
import { SandboxTree } from '../../../extension/views/sandboxTree.ts';
import { AT_ONCE, Usages } from '../../../extension/views/usages.ts';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';

const COUNT = 500;
const REPOSITORIES = 5;

describe(`the tree of ${COUNT} sandboxes`, () => {
  let listing: SandboxInfo[];
  let changed: vscode.EventEmitter<Parameters<Parameters<Sandboxes['onDidChange']>[0]>[0]>;
  let asked: { method: string; count: number }[];
  let underWay: number;
  let most: number;
  let usages: Usages;
  let tree: SandboxTree;
  let painted: (TreeNode | TreeNode[] | undefined)[];

  beforeEach(async () => {
    listing = Array.from({ length: COUNT }, (_none, index) => sandboxOf(index));
    changed = new vscode.EventEmitter();
    asked = [];
    underWay = 0;
    most = 0;
    const call = (async (method: string, { sandboxes = [] }: { sandboxes?: string[] }) => {
      asked.push({ method, count: sandboxes.length });
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(resolve => setImmediate(resolve));
      underWay -= 1;
      if (method === 'sandbox/ports') return { ports: [] };
      // Each looks busier than before, so that each has to be painted.
      return {
        usages: sandboxes.map(sandbox => ({
          sandbox,
          cpu_ms: asked.length ** 3,
          memory_bytes: asked.length * 1e6,
        })),
      };
    }) as Sources['helper']['call'];
    usages = new Usages({ call }, 1);
    const never = () => new vscode.Disposable(() => {});
    tree = new SandboxTree({
      helper: { call },
      sandboxes: {
        load: async () => ({ kind: 'listed', sandboxes: [...listing], problems: [] }),
        get all() {
          return listing;
        },
        onDidChange: changed.event,
      },
      forwards: { of: () => [], onDidChange: never },
      abilities: { of: () => undefined, onDidChange: never },
      branches: { of: () => undefined, want: () => {}, forget: () => {}, onDidChange: never },
      usages,
    });
    painted = [];
    tree.onDidChangeTreeData(node => painted.push(node));
  });

  afterEach(() => {
    tree.dispose();
    usages.dispose();
  });

  async function showAll(): Promise<TreeNode[]> {
    const groups = await tree.getChildren();
    assert.equal(groups.length, REPOSITORIES);
    const nodes = (await Promise.all(groups.map(group => tree.getChildren(group)))).flat();
    for (const node of nodes) tree.getTreeItem(node);
    return nodes;
  }

  const change = (index: number, more: Partial<SandboxInfo>) => {
    listing = listing.map((sandbox, at) => (at === index ? { ...sandbox, ...more } : sandbox));
    changed.fire({ kind: 'listed', sandboxes: [...listing], problems: [] });
  };

  it('asks the helper for nothing to be painted', async () => {
    assert.equal((await showAll()).length, COUNT);
    assert.deepEqual(asked, []);
  });

  it('paints one anew when one changed, and the same node', async () => {
    const nodes = await showAll();
    change(123, { status: 'stopped' });
    assert.equal(painted.length, 1);
    const [only, ...more] = painted[0] as TreeNode[];
    assert.deepEqual(more, []);
    assert.ok(only?.kind === 'sandbox' && nodes.includes(only));
    assert.match(String(tree.getTreeItem(only).description), /^stopped/);
  });

  it('paints nothing when nothing changed, and all when one came or went', async () => {
    await showAll();
    change(0, {});
    assert.deepEqual(painted, []);
    listing = listing.slice(1);
    change(0, {});
    assert.deepEqual(painted, [undefined]);
  });

  it('counts nothing while nobody looks', async () => {
    await showAll();
    change(7, { status: 'stopped' });
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(asked, []);
  });

  it('counts some at a time while somebody looks, one call after the other, and stops when nobody does', async () => {
    await showAll();
    tree.setVisible(true);
    await eventually(() => asked.length > (2 * COUNT) / AT_ONCE, { what: 'all to be counted twice' });
    tree.setVisible(false);
    assert.equal(most, 1);
    assert.deepEqual(
      [...new Set(asked.map(({ method, count }) => `${method} ${count}`))],
      [`sandbox/usage ${AT_ONCE}`],
    );
    for (const nodes of painted) assert.ok(Array.isArray(nodes) && nodes.length <= AT_ONCE);
    await eventually(() => underWay === 0);
    const before = asked.length;
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setTimeout(resolve, 2));
    assert.equal(asked.length, before);
  });

  it('counts only groups that are open', async () => {
    await showAll();
    const [first, ...others] = await tree.getChildren();
    for (const group of others) tree.setOpen(group, false);
    tree.setVisible(true);
    const inFirst = first?.kind === 'group' ? first.sandboxes.length : 0;
    await eventually(() => asked.length > 20);
    tree.setVisible(false);
    const known = listing.filter(({ id }) => usages.of(id) !== undefined);
    assert.equal(known.length, inFirst);
  });

  it('asks for the ports of an open one again when it changed, and not when its use did', async () => {
    const nodes = await showAll();
    const [node] = nodes;
    assert.ok(node?.kind === 'sandbox');
    await tree.getChildren(node);
    tree.setVisible(true);
    await eventually(() => painted.length > 0);
    tree.setVisible(false);
    const ports = () => asked.filter(({ method }) => method === 'sandbox/ports').length;
    await eventually(() => painted.flat().includes(node) || usages.of(node.sandbox.id) !== undefined);
    await tree.getChildren(node);
    assert.equal(ports(), 1);
  });
});

function sandboxOf(index: number): SandboxInfo {
  const name = `wt-${String(index).padStart(3, '0')}`;
  const repository = `/projects/repository-${index % REPOSITORIES}`;
  return {
    id: `sb-${index.toString(16).padStart(8, '0')}` as SandboxInfo['id'],
    name,
    status: 'running',
    backend_type: 'walls',
    backend_reason: 'the only one',
    type: 'general',
    runtime: 'shell',
    workspace: { path: `/projects/${name}`, mode: 'bind', git: 'narrowed' },
    worktree: { branch: `feature/${name}`, path: `/projects/${name}`, repository },
    created_at: '2026-01-01T00:00:00Z',
    policy: { network: 'none' },
    limits: {},
    ports: [],
    ssh: { alias: `heyvm-${name}` },
    attached: false,
  };
}

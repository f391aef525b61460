// The tree: repositories, the sandboxes of their branches, and what is broken in the store.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Listing } from '../sandboxes.ts';
import { titleOf } from './describe.ts';
import { groupItem, problemsItem, sandboxItem, tooltipOf } from './items.ts';
import {
  type GroupNode,
  type InnerNode,
  innerItem,
  type SandboxNode,
  type Sources,
  type TreeNode,
} from './nodes.ts';

/** For so long what is inside a node need not be asked again when only the words beside it are others. */
const SAME_INSIDE_MS = 2_000;

export class SandboxTree implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  readonly #sources: Sources;
  readonly #changed = new vscode.EventEmitter<TreeNode | TreeNode[] | undefined>();
  readonly #listening: readonly vscode.Disposable[];
  /** The editor knows nodes by identity, so those that it was given are kept. */
  readonly #shown = new Map<string, Shown>();
  /** Groups that a person closed; nobody looks at what is in them. */
  readonly #closed = new Set<string | undefined>();
  readonly #inner = new Map<string, Inner>();
  #order = '';

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(sources: Sources) {
    this.#sources = sources;
    const { sandboxes, forwards, abilities, branches, usages } = sources;
    this.#listening = [
      sandboxes.onDidChange(listing => this.#take(listing)),
      abilities.onDidChange(() => this.#changed.fire(undefined)),
      forwards.onDidChange(id => this.#repaint([id])),
      branches.onDidChange(ids => this.#repaint(ids)),
      usages.onDidChange(ids => this.#reword(ids)),
    ];
  }

  async getChildren(node?: TreeNode): Promise<TreeNode[]> {
    if (node === undefined) {
      const listing = await this.#sources.sandboxes.load();
      this.#order = orderOf(listing);
      return rootsOf(listing);
    }
    if (node.kind === 'sandbox') return await this.#insideOf(node.sandbox);
    if (node.kind !== 'group') return [];
    const nodes = node.sandboxes.map(sandbox => this.#nodeOf(sandbox));
    this.#sources.branches.want(node.sandboxes);
    this.#wantUsages();
    return nodes;
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    if (node.kind === 'group') return groupItem(node);
    if (node.kind === 'sandbox') return sandboxItem(node.sandbox, this.#sources);
    return node.kind === 'problems' ? problemsItem(node.problems) : innerItem(node);
  }

  /** Tooltips are made when a pointer rests on an item, so that many items paint fast. */
  resolveTreeItem(item: vscode.TreeItem, node: TreeNode): vscode.TreeItem {
    if (node.kind === 'sandbox') item.tooltip = tooltipOf(node.sandbox);
    return item;
  }

  /** What was counted while nobody looked may be old, and is not counted while nobody looks. */
  setVisible(isVisible: boolean): void {
    const { branches, usages } = this.#sources;
    usages.setVisible(isVisible);
    if (!isVisible) return;
    branches.forget();
    branches.want(this.#seen());
  }

  /** Whether a person sees what is in a group. */
  setOpen(node: TreeNode, isOpen: boolean): void {
    if (node.kind !== 'group') return;
    if (isOpen) this.#closed.delete(node.repository);
    else this.#closed.add(node.repository);
    this.#wantUsages();
  }

  dispose(): void {
    for (const listening of this.#listening) listening.dispose();
    this.#changed.dispose();
  }

  #repaint(ids: readonly string[] | undefined): void {
    if (ids === undefined) {
      this.#changed.fire(undefined);
      return;
    }
    const nodes = ids.flatMap(id => this.#shown.get(id) ?? []);
    if (nodes.length > 0) this.#changed.fire(nodes);
  }

  /** Those that changed are painted anew, and everything only when others are there or they stand elsewhere. */
  #take(listing: Listing): void {
    const sandboxes = listing.kind === 'listed' ? listing.sandboxes : [];
    const ids = new Set<string>(sandboxes.map(({ id }) => id));
    for (const id of this.#shown.keys()) {
      if (ids.has(id)) continue;
      this.#shown.delete(id);
      this.#inner.delete(id);
    }
    const changed = sandboxes.filter(sandbox => {
      const shown = this.#shown.get(sandbox.id);
      return shown !== undefined && JSON.stringify(shown.sandbox) !== JSON.stringify(sandbox);
    });
    const nodes = changed.map(sandbox => this.#nodeOf(sandbox));
    if (this.#order !== orderOf(listing)) this.#changed.fire(undefined);
    else if (nodes.length > 0) {
      this.#changed.fire(nodes);
      this.#sources.branches.want(changed);
    }
    this.#wantUsages();
  }

  #nodeOf(sandbox: SandboxInfo): SandboxNode {
    const node: Shown = this.#shown.get(sandbox.id) ?? { kind: 'sandbox', sandbox };
    node.sandbox = sandbox;
    this.#shown.set(sandbox.id, node);
    return node;
  }

  #seen(): readonly SandboxInfo[] {
    return this.#sources.sandboxes.all.filter(
      ({ id, worktree }) => this.#shown.has(id) && !this.#closed.has(worktree?.repository),
    );
  }

  #wantUsages(): void {
    this.#sources.usages.want(this.#seen());
  }

  /** Other words beside a node are no reason to ask what is inside. */
  #reword(ids: readonly string[]): void {
    for (const id of ids) {
      const inner = this.#inner.get(id);
      if (inner !== undefined) inner.sameUntil = performance.now() + SAME_INSIDE_MS;
    }
    this.#repaint(ids);
  }

  async #insideOf(sandbox: SandboxInfo): Promise<InnerNode[]> {
    const known = this.#inner.get(sandbox.id);
    if (known?.sandbox === sandbox && performance.now() < known.sameUntil) return known.nodes;
    const nodes = await this.#inside(sandbox);
    this.#inner.set(sandbox.id, { sandbox, nodes, sameUntil: 0 });
    return nodes;
  }

  /** Asked when a person expands the node and when it changes, never by the clock. */
  async #inside(sandbox: SandboxInfo): Promise<InnerNode[]> {
    const snapshots = (sandbox.snapshots ?? []).map(
      (snapshot): InnerNode => ({ kind: 'snapshot', sandbox, snapshot }),
    );
    if (sandbox.status !== 'running') return snapshots;
    const forwarded = new Map(this.#sources.forwards.of(sandbox.id).map(forward => [forward.port, forward]));
    try {
      const { ports } = await this.#sources.helper.call('sandbox/ports', { sandbox: sandbox.id });
      const listening = new Set(ports.map(({ port }) => port));
      const numbers = [...new Set([...listening, ...forwarded.keys()])].sort((one, other) => one - other);
      const nodes = numbers.map(
        (port): InnerNode => ({
          kind: 'port',
          sandbox,
          port,
          isListening: listening.has(port),
          host: forwarded.get(port)?.host,
          isEditor: forwarded.get(port)?.page !== undefined,
        }),
      );
      if (nodes.length === 0) nodes.push({ kind: 'note', sandbox, text: 'No program listens on a port yet' });
      return [...nodes, ...snapshots];
    } catch (error) {
      const text = `Ports cannot be listed: ${error instanceof Error ? error.message : String(error)}`;
      return [{ kind: 'note', sandbox, text }, ...snapshots];
    }
  }
}

/** What is inside, and until when it need not be asked again as long as the sandbox is the same. */
type Inner = { readonly sandbox: SandboxInfo; readonly nodes: InnerNode[]; sameUntil: number };

type Shown = { readonly kind: 'sandbox'; sandbox: SandboxInfo };

/** All that decides which nodes there are and where they stand. */
function orderOf(listing: Listing): string {
  if (listing.kind !== 'listed') return listing.kind;
  const places = listing.sandboxes.map(({ id, name, worktree }) => [id, name, worktree]);
  return JSON.stringify([places, listing.problems]);
}

function rootsOf(listing: Listing): TreeNode[] {
  if (listing.kind !== 'listed') return [];
  const groups = new Map<string | undefined, SandboxInfo[]>();
  for (const sandbox of listing.sandboxes) {
    const repository = sandbox.worktree?.repository;
    const group = groups.get(repository);
    if (group === undefined) groups.set(repository, [sandbox]);
    else group.push(sandbox);
  }
  const nodes: TreeNode[] = [...groups]
    .map(
      ([repository, sandboxes]): GroupNode => ({
        kind: 'group',
        repository,
        sandboxes: sandboxes.sort(byTitle),
      }),
    )
    .sort(byRepository);
  if (listing.problems.length > 0) nodes.push({ kind: 'problems', problems: listing.problems });
  return nodes;
}

function byTitle(one: SandboxInfo, other: SandboxInfo): number {
  return titleOf(one).localeCompare(titleOf(other)) || one.id.localeCompare(other.id);
}

/** By name; sandboxes without a repository come last. */
function byRepository(one: GroupNode, other: GroupNode): number {
  if (one.repository === undefined || other.repository === undefined)
    return one.repository === undefined ? 1 : -1;
  return (
    basename(one.repository).localeCompare(basename(other.repository)) ||
    one.repository.localeCompare(other.repository)
  );
}

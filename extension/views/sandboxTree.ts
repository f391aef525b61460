// The tree: repositories, the sandboxes of their branches, and what is broken in the store.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Problem } from '../../server/protocol/doctor.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Parts } from '../parts.ts';
import type { Listing } from '../sandboxes.ts';
import {
  branchBadge,
  contextValueOf,
  detailsOf,
  pictureOf,
  spokenBadge,
  spokenSummaryOf,
  summaryOf,
  titleOf,
} from './describe.ts';
import { type InnerNode, innerItem } from './nodes.ts';

export type GroupNode = {
  readonly kind: 'group';
  /** Absent for sandboxes that belong to no repository. */
  readonly repository: string | undefined;
  readonly sandboxes: readonly SandboxInfo[];
};
export type SandboxNode = { readonly kind: 'sandbox'; readonly sandbox: SandboxInfo };
export type ProblemsNode = { readonly kind: 'problems'; readonly problems: readonly Problem[] };
export type TreeNode = GroupNode | SandboxNode | ProblemsNode | InnerNode;

type Sources = Pick<Parts, 'helper' | 'sandboxes' | 'forwards' | 'abilities' | 'branches'>;

export class SandboxTree implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  readonly #sources: Sources;
  readonly #changed = new vscode.EventEmitter<TreeNode | TreeNode[] | undefined>();
  readonly #listening: readonly vscode.Disposable[];
  /** The editor knows nodes by identity, so those that it was given are kept. */
  readonly #shown = new Map<string, SandboxNode>();

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(sources: Sources) {
    this.#sources = sources;
    const { sandboxes, forwards, abilities, branches } = sources;
    this.#listening = [
      sandboxes.onDidChange(() => this.#changed.fire(undefined)),
      abilities.onDidChange(() => this.#changed.fire(undefined)),
      forwards.onDidChange(id => this.#repaint([id])),
      branches.onDidChange(ids => this.#repaint(ids)),
    ];
  }

  async getChildren(node?: TreeNode): Promise<TreeNode[]> {
    if (node === undefined) return rootsOf(await this.#sources.sandboxes.load());
    if (node.kind === 'sandbox') return await this.#inside(node.sandbox);
    if (node.kind !== 'group') return [];
    this.#sources.branches.want(node.sandboxes);
    return node.sandboxes.map(sandbox => {
      const made: SandboxNode = { kind: 'sandbox', sandbox };
      this.#shown.set(sandbox.id, made);
      return made;
    });
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

  countAgain(): void {
    const { branches, sandboxes } = this.#sources;
    branches.forget();
    branches.want(sandboxes.all.filter(({ id }) => this.#shown.has(id)));
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

  /** Asked when a person expands the node and when it changes, never by the clock. */
  async #inside(sandbox: SandboxInfo): Promise<InnerNode[]> {
    const snapshots = (sandbox.snapshots ?? []).map(
      (snapshot): InnerNode => ({ kind: 'snapshot', sandbox, snapshot }),
    );
    if (sandbox.status !== 'running') return snapshots;
    const forwarded = new Map(this.#sources.forwards.of(sandbox.id).map(({ port, host }) => [port, host]));
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
          host: forwarded.get(port),
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

function groupItem(node: GroupNode): vscode.TreeItem {
  const label = node.repository === undefined ? 'Other sandboxes' : basename(node.repository);
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `group:${node.repository ?? ''}`;
  item.contextValue = node.repository === undefined ? 'group' : 'group+repository';
  item.iconPath = new vscode.ThemeIcon(node.repository === undefined ? 'server-environment' : 'repo');
  if (node.repository !== undefined) item.tooltip = node.repository;
  item.accessibilityInformation = { label: `${label}, ${node.sandboxes.length} sandboxes` };
  return item;
}

function sandboxItem(sandbox: SandboxInfo, { abilities, branches }: Sources): vscode.TreeItem {
  const hasInside = sandbox.status === 'running' || (sandbox.snapshots ?? []).length > 0;
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(titleOf(sandbox), hasInside ? Collapsed : None);
  const picture = pictureOf(sandbox);
  const state = branches.of(sandbox.id);
  const badge = state === undefined ? '' : branchBadge(state);
  const spoken = state === undefined ? '' : spokenBadge(state);
  item.id = sandbox.id;
  item.description = [badge, summaryOf(sandbox)].filter(Boolean).join(' · ');
  item.contextValue = contextValueOf(sandbox, abilities.of(sandbox.backend_type));
  item.iconPath =
    picture.color === undefined
      ? new vscode.ThemeIcon(picture.icon)
      : new vscode.ThemeIcon(picture.icon, new vscode.ThemeColor(picture.color));
  item.accessibilityInformation = { label: [spokenSummaryOf(sandbox), spoken].filter(Boolean).join(', ') };
  return item;
}

function problemsItem(problems: readonly Problem[]): vscode.TreeItem {
  const label = problems.length === 1 ? '1 problem in the store' : `${problems.length} problems in the store`;
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  item.id = 'problems';
  item.contextValue = 'problems';
  item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  item.tooltip = problems.map(problem => `${problem.path}: ${problem.message}`).join('\n');
  item.command = { command: 'heyvm.runDoctor', title: 'Open Doctor' };
  return item;
}

/** Values come from repositories and guests, so they are text and never markup. */
function tooltipOf(sandbox: SandboxInfo): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  for (const [label, value] of detailsOf(sandbox)) {
    text.appendMarkdown(`**${label}** `).appendText(value).appendMarkdown('  \n');
  }
  return text;
}

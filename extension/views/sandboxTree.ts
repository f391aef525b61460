// The tree: repositories, the sandboxes of their branches, and what is broken in the store.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Problem } from '../../server/protocol/doctor.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Listing, Sandboxes } from '../sandboxes.ts';
import { contextValueOf, detailsOf, pictureOf, spokenSummaryOf, summaryOf, titleOf } from './describe.ts';

export type GroupNode = {
  readonly kind: 'group';
  /** Absent for sandboxes that belong to no repository. */
  readonly repository: string | undefined;
  readonly sandboxes: readonly SandboxInfo[];
};
export type SandboxNode = { readonly kind: 'sandbox'; readonly sandbox: SandboxInfo };
export type ProblemsNode = { readonly kind: 'problems'; readonly problems: readonly Problem[] };
export type TreeNode = GroupNode | SandboxNode | ProblemsNode;

export class SandboxTree implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  readonly #sandboxes: Sandboxes;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly #listening: vscode.Disposable;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(sandboxes: Sandboxes) {
    this.#sandboxes = sandboxes;
    this.#listening = sandboxes.onDidChange(() => this.#changed.fire(undefined));
  }

  async getChildren(node?: TreeNode): Promise<TreeNode[]> {
    if (node === undefined) return rootsOf(await this.#sandboxes.load());
    return node.kind === 'group' ? node.sandboxes.map(sandbox => ({ kind: 'sandbox', sandbox })) : [];
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    if (node.kind === 'group') return groupItem(node);
    return node.kind === 'sandbox' ? sandboxItem(node.sandbox) : problemsItem(node.problems);
  }

  /** Tooltips are made when a pointer rests on an item, so that many items paint fast. */
  resolveTreeItem(item: vscode.TreeItem, node: TreeNode): vscode.TreeItem {
    if (node.kind === 'sandbox') item.tooltip = tooltipOf(node.sandbox);
    return item;
  }

  dispose(): void {
    this.#listening.dispose();
    this.#changed.dispose();
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

function sandboxItem(sandbox: SandboxInfo): vscode.TreeItem {
  const item = new vscode.TreeItem(titleOf(sandbox), vscode.TreeItemCollapsibleState.None);
  const picture = pictureOf(sandbox);
  item.id = sandbox.id;
  item.description = summaryOf(sandbox);
  item.contextValue = contextValueOf(sandbox);
  item.iconPath =
    picture.color === undefined
      ? new vscode.ThemeIcon(picture.icon)
      : new vscode.ThemeIcon(picture.icon, new vscode.ThemeColor(picture.color));
  item.accessibilityInformation = { label: spokenSummaryOf(sandbox) };
  return item;
}

function problemsItem(problems: readonly Problem[]): vscode.TreeItem {
  const label = problems.length === 1 ? '1 problem in the store' : `${problems.length} problems in the store`;
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  item.id = 'problems';
  item.contextValue = 'problems';
  item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  item.tooltip = problems.map(problem => `${problem.path}: ${problem.message}`).join('\n');
  item.command = { command: 'heyvm.runDoctor', title: 'Run Doctor' };
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

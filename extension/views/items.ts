// How the nodes of the tree look: repositories, sandboxes, and what is broken in the store.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Problem } from '../../server/protocol/doctor.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { boundaryUri } from './boundaryBadges.ts';
import {
  branchBadge,
  contextValueOf,
  detailsOf,
  loadBadge,
  pictureOf,
  remainingText,
  spokenBadge,
  spokenLoad,
  spokenSummaryOf,
  summaryOf,
  titleOf,
} from './describe.ts';
import type { GroupNode, Sources } from './nodes.ts';

export function groupItem(node: GroupNode): vscode.TreeItem {
  const label = node.repository === undefined ? 'Other sandboxes' : basename(node.repository);
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `group:${node.repository ?? ''}`;
  item.contextValue = node.repository === undefined ? 'group' : 'group+repository';
  item.iconPath = new vscode.ThemeIcon(node.repository === undefined ? 'server-environment' : 'repo');
  if (node.repository !== undefined) item.tooltip = node.repository;
  item.accessibilityInformation = { label: `${label}, ${node.sandboxes.length} sandboxes` };
  return item;
}

export function sandboxItem(sandbox: SandboxInfo, sources: Sources): vscode.TreeItem {
  const hasInside = sandbox.status === 'running' || (sandbox.snapshots ?? []).length > 0;
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(titleOf(sandbox), hasInside ? Collapsed : None);
  const picture = pictureOf(sandbox);
  const abilities = sources.abilities.of(sandbox.backend_type);
  const branch = sources.branches.of(sandbox.id);
  const load = sandbox.status === 'running' ? sources.usages.of(sandbox.id) : undefined;
  const remaining = remainingText(sandbox, Date.now());
  const parts = [
    branch && branchBadge(branch),
    summaryOf(sandbox, abilities?.boundary),
    load && loadBadge(load),
    remaining,
  ];
  const spoken = [
    spokenSummaryOf(sandbox, abilities?.boundary),
    branch && spokenBadge(branch),
    load && spokenLoad(load),
    remaining,
  ];
  item.id = sandbox.id;
  if (abilities !== undefined) item.resourceUri = boundaryUri(sandbox.id, abilities.boundary);
  item.description = parts.filter(Boolean).join(' · ');
  item.contextValue = contextValueOf(sandbox, abilities);
  item.iconPath =
    picture.color === undefined
      ? new vscode.ThemeIcon(picture.icon)
      : new vscode.ThemeIcon(picture.icon, new vscode.ThemeColor(picture.color));
  item.accessibilityInformation = { label: spoken.filter(Boolean).join(', ') };
  return item;
}

export function problemsItem(problems: readonly Problem[]): vscode.TreeItem {
  const label = problems.length === 1 ? '1 problem in the store' : `${problems.length} problems in the store`;
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  item.id = 'problems';
  item.contextValue = 'problems';
  item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  item.tooltip = problems.map(problem => `${problem.path}: ${problem.message}`).join('\n');
  item.command = { command: 'heyvm.runDoctor', title: 'Open Doctor' };
  item.accessibilityInformation = { label: `${label}, opens the doctor`, role: 'link' };
  return item;
}

/** Values come from repositories and guests, so they are text and never markup. */
export function tooltipOf(sandbox: SandboxInfo): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  for (const [label, value] of detailsOf(sandbox)) {
    text.appendMarkdown(`**${label}** `).appendText(value).appendMarkdown('  \n');
  }
  return text;
}

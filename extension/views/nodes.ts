// The nodes of the tree, and how those below a running sandbox look: its ports, its snapshots, or that there is nothing.
import * as vscode from 'vscode';
import type { Problem } from '../../server/protocol/doctor.ts';
import type { SandboxInfo, SnapshotInfo } from '../../server/protocol/sandbox.ts';
import type { Parts } from '../parts.ts';
import { titleOf } from './describe.ts';

export type GroupNode = {
  readonly kind: 'group';
  /** Absent for sandboxes that belong to no repository. */
  readonly repository: string | undefined;
  readonly sandboxes: readonly SandboxInfo[];
};
export type SandboxNode = { readonly kind: 'sandbox'; readonly sandbox: SandboxInfo };
export type ProblemsNode = { readonly kind: 'problems'; readonly problems: readonly Problem[] };
export type TreeNode = GroupNode | SandboxNode | ProblemsNode | InnerNode;

export type Sources = {
  readonly helper: Pick<Parts['helper'], 'call'>;
  readonly sandboxes: Pick<Parts['sandboxes'], 'load' | 'all' | 'onDidChange'>;
  readonly forwards: Pick<Parts['forwards'], 'of' | 'onDidChange'>;
  readonly abilities: Pick<Parts['abilities'], 'of' | 'onDidChange'>;
  readonly branches: Pick<Parts['branches'], 'of' | 'want' | 'forget' | 'onDidChange'>;
  readonly usages: Pick<Parts['usages'], 'of' | 'want' | 'setVisible' | 'onDidChange'>;
};

export type PortNode = {
  readonly kind: 'port';
  readonly sandbox: SandboxInfo;
  readonly port: number;
  readonly isListening: boolean;
  /** Its number on this machine while it is forwarded. */
  readonly host: number | undefined;
  /** It is the page of the editor. */
  readonly isEditor: boolean;
};
export type SnapshotNode = {
  readonly kind: 'snapshot';
  readonly sandbox: SandboxInfo;
  readonly snapshot: SnapshotInfo;
};
export type NoteNode = { readonly kind: 'note'; readonly sandbox: SandboxInfo; readonly text: string };
export type InnerNode = PortNode | SnapshotNode | NoteNode;

export function innerItem(node: InnerNode): vscode.TreeItem {
  if (node.kind === 'port') return portItem(node);
  return node.kind === 'snapshot' ? snapshotItem(node) : noteItem(node);
}

function portItem({ sandbox, port, host, isListening, isEditor }: PortNode): vscode.TreeItem {
  const label = isEditor ? 'Editor in Browser' : `Port ${port}`;
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.None);
  item.id = `${sandbox.id}:port:${port}`;
  item.contextValue = host === undefined ? 'port' : 'port+forwarded';
  const where = host === undefined ? '' : `127.0.0.1:${host}`;
  item.description = [where, isListening ? '' : 'nothing listens'].filter(Boolean).join(' · ');
  item.iconPath =
    host === undefined
      ? new vscode.ThemeIcon('plug')
      : new vscode.ThemeIcon(isEditor ? 'globe' : 'radio-tower', new vscode.ThemeColor('testing.iconPassed'));
  const what = isEditor ? `the editor in a browser, port ${port}` : `port ${port}`;
  const state = host === undefined ? 'not forwarded' : `forwarded to port ${host} of this machine`;
  const heard = isListening ? '' : ', nothing listens inside';
  item.accessibilityInformation = { label: `${what} of ${titleOf(sandbox)}, ${state}${heard}` };
  return item;
}

function snapshotItem({ sandbox, snapshot }: SnapshotNode): vscode.TreeItem {
  const item = new vscode.TreeItem(snapshot.name, vscode.TreeItemCollapsibleState.None);
  item.id = `${sandbox.id}:snapshot:${snapshot.name}`;
  item.contextValue = 'snapshot';
  const made = new Date(snapshot.created_at).toLocaleString();
  const what = snapshot.memory ? 'with running programs' : 'files';
  item.description = `${made} · ${what}`;
  item.iconPath = new vscode.ThemeIcon('device-camera');
  item.accessibilityInformation = {
    label: `snapshot ${snapshot.name} of ${titleOf(sandbox)}, ${made}, ${what}`,
  };
  return item;
}

function noteItem({ sandbox, text }: NoteNode): vscode.TreeItem {
  const item = new vscode.TreeItem('', vscode.TreeItemCollapsibleState.None);
  item.id = `${sandbox.id}:note`;
  item.contextValue = 'note';
  item.description = text;
  item.accessibilityInformation = { label: text };
  return item;
}

// The nodes below a running sandbox: its ports, its snapshots, and what to say when there is nothing.
import * as vscode from 'vscode';
import type { SandboxInfo, SnapshotInfo } from '../../server/protocol/sandbox.ts';
import { titleOf } from './describe.ts';

export type PortNode = {
  readonly kind: 'port';
  readonly sandbox: SandboxInfo;
  readonly port: number;
  readonly isListening: boolean;
  /** Its number on this machine while it is forwarded. */
  readonly host: number | undefined;
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

function portItem({ sandbox, port, host, isListening }: PortNode): vscode.TreeItem {
  const item = new vscode.TreeItem(`Port ${port}`, vscode.TreeItemCollapsibleState.None);
  item.id = `${sandbox.id}:port:${port}`;
  item.contextValue = host === undefined ? 'port' : 'port+forwarded';
  const where = host === undefined ? '' : `127.0.0.1:${host}`;
  item.description = [where, isListening ? '' : 'nothing listens'].filter(Boolean).join(' · ');
  item.iconPath =
    host === undefined
      ? new vscode.ThemeIcon('plug')
      : new vscode.ThemeIcon('radio-tower', new vscode.ThemeColor('testing.iconPassed'));
  const state = host === undefined ? 'not forwarded' : `forwarded to port ${host} of this machine`;
  const heard = isListening ? '' : ', nothing listens inside';
  item.accessibilityInformation = { label: `port ${port} of ${titleOf(sandbox)}, ${state}${heard}` };
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

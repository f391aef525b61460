// The only reader of the editor's configuration; gives one frozen, checked object.
import * as vscode from 'vscode';
import type { NetworkMode } from '../server/protocol/backend.ts';

export type Settings = {
  /** Empty when heyvm chooses. */
  readonly backend: string;
  /** Absent when the sandbox's type decides. */
  readonly network: NetworkMode | undefined;
  readonly openIn: 'window' | 'terminal';
  /** Empty for the editor's own. */
  readonly helperNode: string;
  /** Whether the editor's server is put into a sandbox before a window asks for it. */
  readonly prepareServer: boolean;
};

export function readSettings(): Settings {
  const configuration = vscode.workspace.getConfiguration('heyvm');
  return Object.freeze({
    backend: textOf(configuration.get('backend')),
    network: networkOf(configuration.get('network')),
    openIn: configuration.get('openIn') === 'terminal' ? 'terminal' : 'window',
    prepareServer: configuration.get('prepareServer') !== false,
    helperNode: textOf(configuration.get('helper.node')),
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}

function networkOf(value: unknown): NetworkMode | undefined {
  return value === 'none' || value === 'allowlist' || value === 'open' ? value : undefined;
}

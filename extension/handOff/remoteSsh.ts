// The extensions that open a window over ssh, of which editors have different ones.
import * as vscode from 'vscode';
import { knowsPlatform, withPlatform } from './remotePlatform.ts';

/** In the order in which they are preferred. */
const variants = [
  'ms-vscode-remote.remote-ssh',
  'jeanp413.open-remote-ssh',
  'anysphere.remote-ssh',
  'codeium.windsurf-remote-openssh',
  'google.antigravity-remote-openssh',
] as const;

/** The id of the one that is installed; a browser cannot have any that works. */
export function remoteSshExtension(): string | undefined {
  if (vscode.env.uiKind !== vscode.UIKind.Desktop) return undefined;
  return variants.find(id => vscode.extensions.getExtension(id) !== undefined);
}

export function remoteUri(alias: string): vscode.Uri {
  return vscode.Uri.from({ scheme: 'vscode-remote', authority: `ssh-remote+${alias}`, path: '/workspace' });
}

/** The configuration file of OpenSSH that the person told the editor to use, if not the usual one. */
export function configuredSshConfig(): string | undefined {
  const file = vscode.workspace.getConfiguration('remote.SSH').get('configFile');
  return typeof file === 'string' && file !== '' ? file : undefined;
}

export function isPlatformKnown(alias: string): boolean {
  return knowsPlatform(platforms(), alias);
}

/** Without this the editor asks at the first connection what runs there. */
export async function rememberPlatform(alias: string): Promise<void> {
  const value = withPlatform(platforms(), { alias, extension: remoteSshExtension() });
  await vscode.workspace
    .getConfiguration('remote.SSH')
    .update('remotePlatform', value, vscode.ConfigurationTarget.Global);
}

function platforms(): Record<string, unknown> {
  const known = vscode.workspace
    .getConfiguration('remote.SSH')
    .inspect<Record<string, unknown>>('remotePlatform');
  return known?.globalValue ?? {};
}

// Save Support Bundle: one file for somebody who helps, with what this editor knows beside the rest.
import * as vscode from 'vscode';
import type { Result } from '../../server/protocol/contract.ts';
import type { HelperContract } from '../../server/protocol/helper.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { asked, textIn } from './arguments.ts';

type Bundle = Result<HelperContract, 'doctor/bundle'>;

const LOG_BYTES = 1024 * 1024;

/** `{to}`: a path on this machine; without it the person is asked. */
export async function saveSupportBundle(parts: Parts, argument: unknown): Promise<Bundle | undefined> {
  const to = textIn(asked(argument), 'to') ?? (await askWhere());
  if (to === undefined) return undefined;
  const extra = [
    { name: 'editor.json', text: JSON.stringify(editor(parts), null, 2) },
    { name: 'extension-log.txt', text: await ownLog(parts) },
  ];
  const made = await withProgress({ title: 'Writing a support bundle' }, options =>
    parts.helper.call('doctor/bundle', { path: to, extra }, options),
  );
  if (textIn(asked(argument), 'to') === undefined) void tell(made);
  return made;
}

async function askWhere(): Promise<string | undefined> {
  const now = new Date().toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `heyvm-support-${now}.tar.gz`;
  const chosen = await vscode.window.showSaveDialog({
    title: 'Save Support Bundle',
    filters: { Archive: ['tar.gz'] },
    ...(folder?.scheme === 'file' ? { defaultUri: vscode.Uri.joinPath(folder, '..', name) } : {}),
  });
  return chosen?.fsPath;
}

function editor({ context, build }: Parts): unknown {
  const { packageJSON, extensionKind } = context.extension;
  const settings = Object.fromEntries(
    ['heyvm', 'remote.SSH'].map(section => [section, vscode.workspace.getConfiguration(section)]),
  );
  return {
    editor: vscode.env.appName,
    version: vscode.version,
    in_browser: vscode.env.uiKind === vscode.UIKind.Web,
    remote: vscode.env.remoteName ?? null,
    extension: packageJSON.version,
    extension_kind: vscode.ExtensionKind[extensionKind],
    build,
    settings,
  };
}

/** The end of the log of this extension; an editor that keeps it elsewhere has none to show. */
async function ownLog({ context }: Parts): Promise<string> {
  try {
    const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(context.logUri, 'heyvm.log'));
    return new TextDecoder().decode(bytes.slice(-LOG_BYTES));
  } catch {
    return 'The log of the extension cannot be read.\n';
  }
}

async function tell({ path, redacted }: Bundle): Promise<void> {
  const copy = 'Copy Path';
  const text = `Saved ${path}; ${redacted} secrets were taken out. Look at it before you send it.`;
  if ((await vscode.window.showInformationMessage(text, copy)) === copy)
    await vscode.env.clipboard.writeText(path);
}

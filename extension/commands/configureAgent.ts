// Add to Agent: shows what the configuration of a program for agents would be with heyvm in it, and writes it after a yes.
import * as vscode from 'vscode';
import type { Result } from '../../server/protocol/contract.ts';
import type { HelperContract } from '../../server/protocol/helper.ts';
import { PREVIEW_SCHEME } from '../names.ts';
import type { Parts } from '../parts.ts';
import { pickRepository } from '../prompts/pickRepository.ts';
import { asked, textIn } from './arguments.ts';

type Preview = Result<HelperContract, 'client/preview'>;

const texts = new Map<string, string>();

/** The two sides of a change that is not written yet. */
export const previewDocuments: vscode.TextDocumentContentProvider = {
  provideTextDocumentContent: uri => texts.get(uri.toString()) ?? '',
};

/** `{client, folder, confirmed: true}`: a program that asks has already got the person's consent. */
export async function configureAgent(parts: Parts, argument: unknown) {
  const given = asked(argument);
  const folder = textIn(given, 'folder') ?? (await pickRepository());
  if (folder === undefined) return undefined;
  const client = textIn(given, 'client') ?? (await pickClient(parts, folder));
  if (client === undefined) return undefined;
  const preview = await parts.helper.call('client/preview', { client, folder });
  if (!preview.changed) {
    vscode.window.setStatusBarMessage(`$(check) ${preview.path} has heyvm already`, 8_000);
    return { path: preview.path, changed: false };
  }
  await showPreview(preview);
  if (given['confirmed'] !== true && !(await confirmed(preview))) return undefined;
  const done = await parts.helper.call('client/install', { client, folder, after: preview.after });
  await vscode.window.showTextDocument(vscode.Uri.file(done.path), { preview: true });
  return done;
}

async function pickClient({ helper }: Parts, folder: string): Promise<string | undefined> {
  const items = helper
    .call('client/list', { folder })
    .then(({ clients }) =>
      clients.map(({ id, title, about, path }) => ({ label: title, description: about, detail: path, id })),
    );
  const placeHolder = 'The program that shall be given the sandboxes as tools';
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.id;
}

async function showPreview({ path, before = '', after, title }: Preview): Promise<void> {
  const side = (name: string, text: string): vscode.Uri => {
    const uri = vscode.Uri.from({
      scheme: PREVIEW_SCHEME,
      authority: name,
      path: vscode.Uri.file(path).path,
    });
    texts.set(uri.toString(), text);
    return uri;
  };
  await vscode.commands.executeCommand(
    'vscode.diff',
    side('now', before),
    side('then', after),
    `${title}: ${path}`,
    { preview: true },
  );
}

/** A dialog, because a notification may go unseen. */
async function confirmed({ path, title }: Preview): Promise<boolean> {
  const write = 'Write';
  const detail = `The editor shows what changes in ${path}.`;
  const options = { modal: true, detail };
  return (await vscode.window.showInformationMessage(`Add heyvm to ${title}?`, options, write)) === write;
}

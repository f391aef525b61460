// Opens what a branch changed in the editor's own diff editors.
import * as vscode from 'vscode';
import type { Result } from '../../server/protocol/contract.ts';
import type { HelperContract } from '../../server/protocol/helper.ts';
import type { ChangedFile } from '../../server/protocol/reviewMethods.ts';
import { nextLook, reviewUri, type Side } from './reviewFiles.ts';

export type Changes = Result<HelperContract, 'worktree/changes'>;

/** More than this in one editor is slow to scroll and never read. */
const MOST_SHOWN = 300;

export async function openChanges(side: Side, changes: Changes): Promise<void> {
  const text = changes.files.filter(file => !file.binary);
  const binary = changes.files.filter(file => file.binary);
  const sidesOf = sidesIn(side, changes.base);
  const title = `Changes of ${side.branch}`;
  const [only] = changes.files;
  if (only !== undefined && changes.files.length === 1) {
    const { before, after } = sidesOf(only);
    await vscode.commands.executeCommand('vscode.diff', before, after, `${only.path} (${side.branch})`);
    return;
  }
  if (text.length > 0) {
    const resources = text.slice(0, MOST_SHOWN).map(file => {
      const { before, after } = sidesOf(file);
      const isNew = file.kind === 'added';
      return [after, isNew ? undefined : before, file.kind === 'deleted' ? undefined : after];
    });
    await vscode.commands.executeCommand('vscode.changes', title, resources);
  }
  const more = Math.max(text.length - MOST_SHOWN, 0) + changes.left_out;
  void tellOfTheRest({ more, binary, sidesOf });
}

type Sides = { readonly before: vscode.Uri; readonly after: vscode.Uri };

function sidesIn(side: Side, base: string): (file: ChangedFile) => Sides {
  const look = nextLook();
  return file => ({
    before: reviewUri({ ...side, commit: base }, file.from ?? file.path, look),
    after: reviewUri(side, file.path, look),
  });
}

type Rest = {
  readonly more: number;
  readonly binary: readonly ChangedFile[];
  readonly sidesOf: (file: ChangedFile) => Sides;
};

async function tellOfTheRest({ more, binary, sidesOf }: Rest): Promise<void> {
  if (more > 0) {
    void vscode.window.showWarningMessage(
      `${more} more files changed than are shown. Save as Patch keeps all of them.`,
    );
  }
  if (binary.length === 0) return;
  const show = 'Show…';
  const what =
    binary.length === 1
      ? `A binary file changed: ${binary[0]?.path}`
      : `${binary.length} binary files changed`;
  if ((await vscode.window.showInformationMessage(what, show)) !== show) return;
  const items = binary.map(file => ({ label: file.path, description: file.kind, file }));
  const chosen = items.length === 1 ? items[0] : await vscode.window.showQuickPick(items);
  if (chosen === undefined) return;
  const { before, after } = sidesOf(chosen.file);
  await vscode.commands.executeCommand('vscode.diff', before, after, chosen.file.path);
}

// Branches beside each other: how much each changed, counted while the list is already shown.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { ChangedFile } from '../../server/protocol/reviewMethods.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import type { Helper } from '../helper.ts';
import { pictureOf, titleOf } from '../views/describe.ts';

type Item = vscode.QuickPickItem & { readonly sandbox: SandboxInfo };

/** Each count runs git over a whole tree. */
const AT_ONCE = 3;

export async function pickComparison(
  helper: Helper,
  sandboxes: readonly SandboxInfo[],
): Promise<SandboxInfo | undefined> {
  const pick = vscode.window.createQuickPick<Item>();
  const cancel = new AbortController();
  pick.placeholder = 'The branch whose changes to show';
  pick.matchOnDetail = true;
  pick.busy = true;
  pick.keepScrollPosition = true;
  const details = new Map<string, string>();
  const paint = (): void => {
    const active = pick.activeItems[0]?.sandbox.id;
    pick.items = sandboxes.map(sandbox => itemOf(sandbox, details.get(sandbox.id) ?? 'counting…'));
    const again = pick.items.find(({ sandbox }) => sandbox.id === active);
    if (again !== undefined) pick.activeItems = [again];
  };
  paint();
  const left = [...sandboxes];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined && !cancel.signal.aborted; next = left.shift()) {
      details.set(next.id, await detailOf(helper, next, cancel.signal));
      if (!cancel.signal.aborted) paint();
    }
  };
  void Promise.all(Array.from({ length: AT_ONCE }, work)).then(() => {
    if (!cancel.signal.aborted) pick.busy = false;
  });
  return await new Promise(resolve => {
    pick.onDidAccept(() => {
      resolve(pick.selectedItems[0]?.sandbox);
      pick.hide();
    });
    pick.onDidHide(() => {
      cancel.abort();
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

function itemOf(sandbox: SandboxInfo, detail: string): Item {
  return {
    label: `$(${pictureOf(sandbox).icon}) ${titleOf(sandbox)}`,
    description: basename(sandbox.worktree?.repository ?? ''),
    detail,
    sandbox,
  };
}

async function detailOf(helper: Helper, sandbox: SandboxInfo, signal: AbortSignal): Promise<string> {
  const { repository: cwd = '', branch = '' } = sandbox.worktree ?? {};
  try {
    const { files, left_out } = await helper.call('worktree/changes', { cwd, branch }, { signal });
    return changesText(files, left_out);
  } catch (error) {
    return `cannot be told: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function changesText(files: readonly ChangedFile[], leftOut: number): string {
  const count = files.length + leftOut;
  if (count === 0) return 'no changes';
  const sum = (key: 'added' | 'removed') => files.reduce((total, file) => total + (file[key] ?? 0), 0);
  return `${count === 1 ? '1 file' : `${count} files`}, +${sum('added')} −${sum('removed')} lines`;
}

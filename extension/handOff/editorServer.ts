// Before a window opens inside: whether the guest can run the editor's server, and the server where the editor looks for it.
import * as vscode from 'vscode';
import { type EditorGap, type EditorProduct, productOf } from '../../server/protocol/editorMethods.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { CallFailure } from '../failure.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { readSettings } from '../settings.ts';

export type Helping = {
  readonly helper: Pick<Parts['helper'], 'call'>;
  readonly log: Pick<Parts['log'], 'info' | 'warn'>;
};

/** False when the person takes the worktree instead. */
export async function canRunServer(parts: Helping, sandbox: SandboxInfo): Promise<boolean> {
  const { gaps } = await parts.helper.call('editor/check', { sandbox: sandbox.id });
  for (const gap of gaps) parts.log.warn(`${sandbox.name}: ${sentence(gap)}`);
  const grave = gaps.filter(({ state }) => state === 'error');
  if (grave.length === 0) {
    const [little] = gaps;
    if (little !== undefined) vscode.window.setStatusBarMessage(`$(warning) ${little.detail}`, 8_000);
    return true;
  }
  const anyway = 'Open Anyway';
  const instead = 'Open Worktree Instead';
  const answer = await vscode.window.showWarningMessage(
    `The editor cannot run inside ${sandbox.name} as it is.`,
    { modal: true, detail: grave.map(sentence).join('\n') },
    instead,
    anyway,
  );
  if (answer === undefined) throw new CallFailure({ code: 'cancelled', message: 'no window was opened' });
  return answer === anyway;
}

function sentence({ detail, fix }: EditorGap): string {
  return `${detail}: ${fix}`;
}

/** The editor downloads its server itself when this does not work, so that it never keeps a window from opening. */
export async function placeServer(parts: Helping, sandbox: SandboxInfo): Promise<void> {
  if (!readSettings().prepareServer) return;
  const product = await ownProduct(parts);
  if (product === undefined) return;
  try {
    const title = `Preparing ${sandbox.name} for the editor`;
    const { how, version, program } = await withProgress({ title }, options =>
      parts.helper.call('editor/prepare', { sandbox: sandbox.id, product }, options),
    );
    parts.log.info(`the server of ${version} in ${sandbox.name}: ${how}`);
    if (program?.how === 'missing')
      parts.log.warn(`Remote-SSH fetches its program into ${sandbox.name} itself: ${program.why}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    parts.log.warn(`the editor downloads its server into ${sandbox.name} itself: ${why}`);
  }
}

/** Undefined when the editor does not say where its server is; why is in the log. */
export async function ownProduct({ log }: Pick<Helping, 'log'>): Promise<EditorProduct | undefined> {
  const file = vscode.Uri.joinPath(vscode.Uri.file(vscode.env.appRoot), 'product.json');
  try {
    const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(file));
    const product = productOf(text, vscode.version);
    if (product.ok) return product.value;
    log.info(`the editor does not say where its server is: ${product.problem}`);
  } catch {
    log.info('the editor does not say where its server is');
  }
  return undefined;
}

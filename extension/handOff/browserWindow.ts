// The editor in a browser: its server runs inside the sandbox, and its page is on loopback of this machine behind a token.
import * as vscode from 'vscode';
import { type EditorProduct, hasPages } from '../../server/protocol/editorMethods.ts';
import type { SandboxInfo } from '../../server/protocol/sandbox.ts';
import { CallFailure } from '../failure.ts';
import type { Forward } from '../forwards.ts';
import { WORKSPACE } from '../names.ts';
import type { Parts } from '../parts.ts';
import { withProgress } from '../progress.ts';
import { titleOf } from '../views/describe.ts';
import { canRunServer, ownProduct } from './editorServer.ts';
import { openLocalWindow } from './localWindow.ts';

const LICENCE_CONSENT = 'consent.serverLicence';

/** Undefined when the person turned away, or took the worktree because the guest cannot run the server. */
export async function serveInBrowser(
  parts: Parts,
  sandbox: SandboxInfo,
  given: Readonly<Record<string, unknown>> = {},
): Promise<Forward | undefined> {
  await requireEditor(parts, sandbox);
  const product = await productWithPages(parts);
  if (!(await canRunServer(parts, sandbox))) {
    await openLocalWindow(parts.context, sandbox);
    return undefined;
  }
  if (given['accepted'] !== true && !(await acceptLicence(parts.context, product))) return undefined;
  const signal = given['signal'] instanceof AbortSignal ? given['signal'] : undefined;
  return await withProgress(
    { title: `Opening ${titleOf(sandbox)} in the browser`, signal },
    async options => {
      const params = { sandbox: sandbox.id, product };
      const { port, token } = await parts.helper.call('editor/serve', params, options);
      return await parts.forwards.open(sandbox, port, { tkn: token, folder: WORKSPACE });
    },
  );
}

async function requireEditor({ helper }: Parts, { backend_type: id }: SandboxInfo): Promise<void> {
  const { backends } = await helper.call('backend/list', { id });
  if (backends[0]?.capabilities.editor === true) return;
  throw new CallFailure({ code: 'unsupported', message: `${id} cannot run the server of the editor` });
}

async function productWithPages(parts: Parts): Promise<EditorProduct> {
  const product = await ownProduct(parts);
  if (product !== undefined && hasPages(product)) return product;
  throw new CallFailure({
    code: 'unsupported',
    message:
      product === undefined
        ? 'this editor does not say where its server is'
        : 'the server of this editor is for extensions over ssh alone and has no pages',
    hint: 'the command line does it with the product.json of VS Code: heyvm editor open --product FILE',
  });
}

/** Asked once for each text of the terms. */
async function acceptLicence(
  context: vscode.ExtensionContext,
  { license_url: url }: EditorProduct,
): Promise<boolean> {
  const key = `${LICENCE_CONSENT} ${url ?? ''}`;
  if (context.globalState.get(key) === true) return true;
  const accept = 'Accept';
  const read = 'Read Terms';
  const where = url === undefined ? 'They come with this editor.' : `They stand at ${url}.`;
  const detail = `The server of the editor runs inside the sandbox for this and has licence terms of its own. ${where} Its page is for this machine alone, behind a token, until the sandbox stops.`;
  for (;;) {
    const answer = await vscode.window.showInformationMessage(
      'Do you accept the licence terms of the editor’s server?',
      { modal: true, detail },
      ...(url === undefined ? [accept] : [accept, read]),
    );
    if (answer === read && url !== undefined) await vscode.commands.executeCommand('vscode.open', url);
    else if (answer !== accept) return false;
    else {
      await context.globalState.update(key, true);
      return true;
    }
  }
}

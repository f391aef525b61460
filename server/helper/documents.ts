// The files of ours that an editor has open. What is said about them is loaded with the first one.
import type { Connection, InitializeResult } from 'vscode-languageserver/node';
import type { Paths } from '../store/paths.ts';
import type { OpenDocument } from './language.ts';

/** Whole texts are sent with every change, because these files are small. */
export const documentCapabilities: InitializeResult['capabilities'] = {
  textDocumentSync: { openClose: true, change: 1 },
  completionProvider: { triggerCharacters: [' ', '"'] },
  hoverProvider: true,
  codeActionProvider: { codeActionKinds: ['quickfix'] },
  codeLensProvider: {},
  documentSymbolProvider: true,
};

export function serveDocuments(connection: Connection, paths: Pick<Paths, 'settings'>): void {
  const open = new Map<string, OpenDocument>();
  const language = async () => (await import('./language.ts')).languageFor(paths);
  const changed = async (document: OpenDocument): Promise<void> => {
    open.set(document.uri, document);
    const diagnostics = (await language()).diagnostics(document);
    // Another change has come meanwhile, and is answered by itself.
    if (open.get(document.uri) !== document) return;
    const { uri, version } = document;
    await connection.sendDiagnostics({ uri, version, diagnostics });
  };
  const log = (error: unknown): void =>
    connection.console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  connection.onDidOpenTextDocument(({ textDocument: { uri, version, text } }) => {
    changed({ uri, version, text }).catch(log);
  });
  connection.onDidChangeTextDocument(({ textDocument: { uri, version }, contentChanges }) => {
    const text = contentChanges.at(-1)?.text;
    if (text !== undefined) changed({ uri, version, text }).catch(log);
  });
  connection.onDidCloseTextDocument(({ textDocument: { uri } }) => {
    open.delete(uri);
    connection.sendDiagnostics({ uri, diagnostics: [] }).catch(log);
  });
  const about = ({ uri }: { readonly uri: string }): OpenDocument =>
    open.get(uri) ?? { uri, version: 0, text: '' };
  connection.onCompletion(async ({ textDocument, position }) =>
    (await language()).completions(about(textDocument), position),
  );
  connection.onHover(
    async ({ textDocument, position }) => (await language()).hover(about(textDocument), position) ?? null,
  );
  connection.onCodeAction(async ({ textDocument, range }) =>
    (await language()).fixes(about(textDocument), range),
  );
  connection.onCodeLens(async ({ textDocument }) => (await language()).lenses(about(textDocument)));
  connection.onDocumentSymbol(async ({ textDocument }) => (await language()).symbols(about(textDocument)));
}

// What is known about our files, in the words of the Language Server Protocol.
import { fileURLToPath } from 'node:url';
import type {
  CodeAction,
  CodeLens,
  CompletionItem,
  Diagnostic,
  DocumentSymbol,
  Hover,
  Position,
  Range,
} from 'vscode-languageserver/node';
import {
  CompletionItemKind,
  DiagnosticSeverity,
  InsertTextMode,
  SymbolKind,
} from 'vscode-languageserver/node';
import { placeIn } from '../project/jsonText.ts';
import { explanationAt, type FileKind, offersAt } from '../project/language/answers.ts';
import type { Stretch } from '../project/language/cursor.ts';
import { projectKind } from '../project/language/projectKind.ts';
import { PROJECT_FILE } from '../project/presets.ts';
import type { FileProblem } from '../protocol/projectFile.ts';
import type { Paths } from '../store/paths.ts';
import { settingsKind } from './settingsKind.ts';

export type OpenDocument = { readonly uri: string; readonly version: number; readonly text: string };

export type Language = {
  diagnostics(document: OpenDocument): Diagnostic[];
  completions(document: OpenDocument, position: Position): CompletionItem[];
  hover(document: OpenDocument, position: Position): Hover | undefined;
  fixes(document: OpenDocument, range: Range): CodeAction[];
  lenses(document: OpenDocument): CodeLens[];
  symbols(document: OpenDocument): DocumentSymbol[];
};

const NAME = 'heyvm';

export function languageFor(paths: Pick<Paths, 'settings'>): Language {
  const kindOf = ({ uri }: OpenDocument): FileKind | undefined => {
    const path = pathOf(uri);
    if (path?.endsWith(`/${PROJECT_FILE}`) === true) return projectKind;
    return path === paths.settings ? settingsKind : undefined;
  };
  const problemsIn = (document: OpenDocument): readonly FileProblem[] =>
    kindOf(document)?.problemsIn(document.text) ?? [];
  return {
    diagnostics: document => problemsIn(document).map(diagnosticOf),
    completions: (document, position) => {
      const kind = kindOf(document);
      const offers = kind === undefined ? [] : offersAt(kind, document.text, offsetOf(document, position));
      return offers.map(({ label, about, text, from, to, kind: what }, index) => ({
        label,
        kind: what === 'key' ? CompletionItemKind.Property : CompletionItemKind.EnumMember,
        ...(about === undefined ? {} : { documentation: about }),
        // In the order of the schema, which is that of how often they are needed.
        sortText: String(index).padStart(3, '0'),
        // Editors compare it with what stands there, quotes included.
        filterText: text,
        insertTextMode: InsertTextMode.asIs,
        textEdit: { range: rangeIn(document, { from, to }), newText: text },
      }));
    },
    hover: (document, position) => {
      const kind = kindOf(document);
      const found =
        kind === undefined ? undefined : explanationAt(kind, document.text, offsetOf(document, position));
      if (found === undefined) return undefined;
      const contents = { kind: 'markdown' as const, value: `**${found.name}**\n\n${found.about}` };
      return { contents, range: rangeIn(document, found) };
    },
    fixes: (document, asked) =>
      problemsIn(document).flatMap(problem => {
        const { meant } = problem;
        const diagnostic = diagnosticOf(problem);
        if (meant === undefined || !touch(diagnostic.range, asked)) return [];
        const edit = { changes: { [document.uri]: [{ range: diagnostic.range, newText: meant }] } };
        const title = `Change to ${meant}`;
        return [{ title, kind: 'quickfix', diagnostics: [diagnostic], isPreferred: true, edit }];
      }),
    lenses: document => {
      const path = pathOf(document.uri);
      if (kindOf(document) !== projectKind || path === undefined || !document.uri.startsWith('file:'))
        return [];
      if (problemsIn(document).length > 0) return [];
      const folder = path.slice(0, -PROJECT_FILE.length - 1);
      const command = { title: '$(debug-start) Start', command: 'heyvm.up', arguments: [{ folder }] };
      return [{ range: rangeIn(document, { from: 0, to: 0 }), command }];
    },
    symbols: document => {
      const outline = kindOf(document)?.language.outline(document.text) ?? [];
      return outline.map(({ name, key, from, to }) => ({
        name,
        kind: SymbolKind.Property,
        range: rangeIn(document, { from, to }),
        selectionRange: rangeIn(document, key),
      }));
    },
  };
}

/** Files inside a sandbox have addresses of other schemes, whose paths look the same. */
function pathOf(uri: string): string | undefined {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : decodeURIComponent(new URL(uri).pathname);
  } catch {
    // An address that is none of a file.
    return undefined;
  }
}

function diagnosticOf(problem: FileProblem): Diagnostic {
  const { message, hint, start, end } = problem;
  return {
    range: { start: positionOf(start), end: positionOf(end) },
    message: hint === undefined ? message : `${message}; ${hint}`,
    severity: DiagnosticSeverity.Error,
    source: NAME,
  };
}

function positionOf({ line, column }: FileProblem['start']): Position {
  return { line: line - 1, character: column - 1 };
}

function rangeIn({ text }: OpenDocument, { from, to }: Stretch): Range {
  return { start: positionOf(placeIn(text, from)), end: positionOf(placeIn(text, to)) };
}

function offsetOf({ text }: OpenDocument, { line, character }: Position): number {
  let start = 0;
  for (let passed = 0; passed < line; passed += 1) {
    const end = text.indexOf('\n', start);
    if (end === -1) return text.length;
    start = end + 1;
  }
  return Math.min(start + character, text.length);
}

function touch(one: Range, other: Range): boolean {
  return !isBefore(one.end, other.start) && !isBefore(other.end, one.start);
}

function isBefore(one: Position, other: Position): boolean {
  return one.line < other.line || (one.line === other.line && one.character < other.character);
}

// Reads the text of a project file and says of everything that is wrong where it stands. No input or output.
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type Range,
  visit,
} from 'yaml';
import { parseWithIssues } from '../protocol/parse.ts';
import { type FileProblem, ProjectFile } from '../protocol/projectFile.ts';
import { type Path, problemsOf, type Spans } from './issues.ts';

export type ParsedFile =
  | { readonly ok: true; readonly file: ProjectFile }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/** Longer ones are no description of a sandbox. */
export const MOST_CHARACTERS = 256 * 1024;

type Reader = { readonly document: Document; readonly lines: LineCounter };

export function parseProject(text: string): ParsedFile {
  if (text.length > MOST_CHARACTERS) {
    return {
      ok: false,
      problems: [problemAt({ message: `it is longer than ${MOST_CHARACTERS} characters` })],
    };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: 'core',
    strict: true,
    uniqueKeys: true,
  });
  const reader: Reader = { document, lines };
  const broken = [...syntaxProblems(reader), ...strangeParts(reader)];
  if (broken.length > 0) return { ok: false, problems: broken };
  const parsed = parseWithIssues(ProjectFile, document.toJS() ?? {});
  if (parsed.ok) return { ok: true, file: parsed.value };
  const spans = spansOf(reader);
  return { ok: false, problems: parsed.issues.flatMap(issue => problemsOf(ProjectFile, spans, issue)) };
}

function syntaxProblems({ document, lines }: Reader): FileProblem[] {
  return [...document.errors, ...document.warnings].map(({ message, pos }) => ({
    message: message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'it is no YAML',
    start: placeOf(lines, pos[0]),
    end: placeOf(lines, pos[1]),
  }));
}

/** References can make a small file mean a large one, and tags something else than it says; nobody needs either here. */
function strangeParts({ document, lines }: Reader): FileProblem[] {
  const problems: FileProblem[] = [];
  const refuse = (node: Node, message: string): void => {
    problems.push({ message, ...rangeOf(lines, node.range) });
  };
  visit(document, {
    Alias: (_, node) => refuse(node, 'references (*) are not understood here'),
    Node: (_, node) => {
      if (node.anchor !== undefined) refuse(node, 'anchors (&) are not understood here');
      if (node.tag !== undefined) refuse(node, 'tags (!) are not understood here');
    },
  });
  return problems;
}

function spansOf(reader: Reader): Spans {
  return {
    value: path => rangeOf(reader.lines, nodeAt(reader, path)),
    key: (path, key) => rangeOf(reader.lines, keyAt(reader, path, key)),
    text: path => {
      const found = reader.document.getIn(path, true);
      return isScalar(found) ? String(found.value) : undefined;
    },
  };
}

function nodeAt({ document }: Reader, path: Path): Range | null | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const found = document.getIn(path.slice(0, length), true);
    if (isNode(found)) return found.range;
  }
  return document.range;
}

function keyAt(reader: Reader, path: Path, key: string): Range | null | undefined {
  const map = path.length === 0 ? reader.document.contents : reader.document.getIn(path, true);
  if (!isMap(map)) return nodeAt(reader, path);
  const pair = map.items.find(item => isPair(item) && isScalar(item.key) && String(item.key.value) === key);
  return isScalar(pair?.key) ? pair.key.range : nodeAt(reader, path);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value;
}

function rangeOf(lines: LineCounter, range: Range | null | undefined): Pick<FileProblem, 'start' | 'end'> {
  const [from, to] = range ?? [0, 0, 0];
  return { start: placeOf(lines, from), end: placeOf(lines, to) };
}

function placeOf(lines: LineCounter, offset: number): FileProblem['start'] {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function problemAt({ message }: { readonly message: string }): FileProblem {
  return { message, start: { line: 1, column: 1 }, end: { line: 1, column: 1 } };
}

/** As a compiler says it: file, line and column first. */
export function problemLine(path: string, { message, hint, start }: FileProblem): string {
  return `${path}:${start.line}:${start.column}: ${message}${hint === undefined ? '' : `; ${hint}`}`;
}

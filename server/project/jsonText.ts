// JSON as people write it, with comments and trailing commas: its value, and where everything stands in it.
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import type { FileProblem } from '../protocol/projectFile.ts';
import type { Path, Span, Spans } from './issues.ts';

export type JsonText =
  | { readonly ok: true; readonly value: unknown; readonly spans: Spans }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/** A text without anything in it is an empty object. */
export function readJsonText(text: string): JsonText {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  const at = (offset: number): FileProblem['start'] => placeIn(text, offset);
  if (errors.length > 0) {
    const problems = errors.map(({ error, offset, length }) => ({
      message: wordsOf(printParseErrorCode(error)),
      start: at(offset),
      end: at(offset + length),
    }));
    return { ok: false, problems };
  }
  if (tree === undefined) return { ok: true, value: {}, spans: spansOf(undefined, at) };
  const twice = repeated(tree).map(({ offset, length, value }) => ({
    message: `the key ${String(value)} stands twice`,
    start: at(offset),
    end: at(offset + length),
  }));
  if (twice.length > 0) return { ok: false, problems: twice };
  return { ok: true, value: getNodeValue(tree), spans: spansOf(tree, at) };
}

function spansOf(tree: Node | undefined, at: (offset: number) => FileProblem['start']): Spans {
  const span = (node: Node | undefined): Span =>
    node === undefined
      ? { start: at(0), end: at(0) }
      : { start: at(node.offset), end: at(node.offset + node.length) };
  const node = (path: Path): Node | undefined =>
    tree === undefined ? undefined : findNodeAtLocation(tree, path.map(segmentOf));
  const nearestNode = (path: Path): Node | undefined => {
    for (let length = path.length; length >= 0; length -= 1) {
      const found = node(path.slice(0, length));
      if (found !== undefined) return found;
    }
    return tree;
  };
  return {
    value: path => span(nearestNode(path)),
    key: (path, key) => {
      const property = node([...path, key])?.parent;
      return span(property?.type === 'property' ? property.children?.[0] : nearestNode(path));
    },
    text: path => {
      const found = node(path);
      return found?.type === 'string' ? String(found.value) : undefined;
    },
  };
}

function segmentOf(step: PropertyKey): string | number {
  return typeof step === 'number' ? step : String(step);
}

/** Only the last of them would count, and nobody sees that. */
function repeated(node: Node): Node[] {
  const children = node.children ?? [];
  const seen = new Set<unknown>();
  const own = children.flatMap(({ type, children: [key] = [] }) => {
    if (type !== 'property' || key === undefined) return [];
    if (seen.has(key.value)) return [key];
    seen.add(key.value);
    return [];
  });
  return [...own, ...children.flatMap(repeated)];
}

/** Lines and columns count from one. */
export function placeIn(text: string, offset: number): FileProblem['start'] {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - (before.lastIndexOf('\n') + 1) + 1 };
}

/** `CommaExpected` in words. */
function wordsOf(code: string): string {
  const words = code.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return words.endsWith(' expected') ? `${words.slice(0, -' expected'.length)} is expected here` : words;
}

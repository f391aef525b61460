// Reads YAML that somebody is writing: by its lines where it is in blocks, by its braces where it is not.
import { isCollection, isMap, isScalar, type Node, type Pair, parseDocument, visit } from 'yaml';
import type { Path } from '../issues.ts';
import type { Cursor, FileLanguage, Stretch } from './cursor.ts';

const BLOCK = /^(\s*)((?:- +)*)(?:([\w.-]+)\s*:(?:\s+(["']?[\w.-]*))?|([\w.-]*))$/;
const LINE = /^(\s*)((?:- +)*)(?:([\w.-]+)\s*:)?/;

export const yamlLanguage: FileLanguage = {
  cursorAt: (text, offset) => flowCursor(text, offset) ?? blockCursor(text, offset),
  thingAt,
  keyText: (name, form, column) => {
    const inner = `\n${' '.repeat(column + 2)}`;
    if (form === 'object') return `${name}:${inner}`;
    return form === 'array' ? `${name}:${inner}- ` : `${name}: `;
  },
  valueText: word => word,
  outline: text => {
    const { contents } = parseDocument(text);
    if (!isMap(contents)) return [];
    return contents.items.flatMap(({ key, value }) => {
      const name = stretchOf(key);
      if (!isScalar(key) || name === undefined) return [];
      return [{ name: String(key.value), key: name, from: name.from, to: stretchOf(value)?.to ?? name.to }];
    });
  },
};

function blockCursor(text: string, offset: number): Cursor | undefined {
  const lines = text.slice(0, offset).split('\n');
  const [, space = '', dashes = '', key, value, word = ''] = BLOCK.exec(lines.pop() ?? '') ?? [];
  if (BLOCK.exec(text.slice(0, offset).split('\n').at(-1) ?? '') === null) return undefined;
  const path = parentsOf(lines, { space: space.length, dashes: dashes.length });
  if (key !== undefined) {
    // Directly behind the colon nothing can be written yet.
    if (value === undefined) return undefined;
    return { kind: 'value', path: [...path, key], from: offset - value.length, to: offset, taken: [] };
  }
  return { kind: 'key', path, from: offset - word.length, to: offset, taken: takenAt(text, path) };
}

/** The path of the mapping in which a line at this indentation has a key. */
function parentsOf(
  lines: readonly string[],
  { space, dashes }: { readonly space: number; readonly dashes: number },
): Path {
  const path: PropertyKey[] = dashes > 0 ? [0] : [];
  // A list may stand as far left as the key that it belongs to.
  let limit = dashes > 0 ? space + 1 : space;
  for (const line of lines.toReversed()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, before = '', marks = '', key] = LINE.exec(line) ?? [];
    if (before.length >= limit) continue;
    const isSibling = marks !== '' && before.length + 1 === limit;
    if (isSibling) continue;
    const at = before.length + marks.length;
    if (at < limit) {
      if (key === undefined) continue;
      path.unshift(key);
      limit = at;
    }
    if (marks !== '') {
      path.unshift(0);
      limit = before.length + 1;
    }
    if (limit === 0) break;
  }
  return path;
}

/** In braces or brackets. */
function flowCursor(text: string, offset: number): Cursor | undefined {
  let found: { node: Node; path: Path } | undefined;
  walk(text, (node, path) => {
    const [from = 0, to = 0] = node.range ?? [];
    if (isCollection(node) && node.flow === true && from < offset && offset <= Math.max(to, from + 1)) {
      // At its end it is closed already.
      if (offset < to || !/[}\]]/.test(text[to - 1] ?? '')) found = { node, path };
    }
  });
  if (found === undefined) return undefined;
  const { node, path } = found;
  const before = text.slice(node.range?.[0] ?? 0, offset);
  const [, key, value] = /([\w.-]+)\s*:\s+([\w.-]*)$/.exec(before) ?? [];
  if (key !== undefined && value !== undefined && isMap(node)) {
    return { kind: 'value', path: [...path, key], from: offset - value.length, to: offset, taken: [] };
  }
  const word = /[{,[]\s*([\w.-]*)$/.exec(before)?.[1];
  if (word === undefined) return undefined;
  const stretch = { from: offset - word.length, to: offset };
  if (!isMap(node)) return { kind: 'value', path: [...path, 0], ...stretch, taken: [] };
  return { kind: 'key', path, ...stretch, taken: takenAt(text, path) };
}

function takenAt(text: string, path: Path): readonly string[] {
  // Which element of a list it is, is not known.
  if (path.some(step => typeof step === 'number')) return [];
  const document = parseDocument(text);
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  return isMap(map) ? map.items.flatMap(({ key }) => (isScalar(key) ? [String(key.value)] : [])) : [];
}

function thingAt(text: string, offset: number): (Stretch & { readonly path: Path }) | undefined {
  let found: (Stretch & { path: Path }) | undefined;
  walk(text, (node, path) => {
    const stretch = stretchOf(node);
    if (!isScalar(node) || stretch === undefined) return;
    if (stretch.from <= offset && offset <= stretch.to) found = { ...stretch, path };
  });
  return found;
}

/** Keys have the path of their value. */
function walk(text: string, each: (node: Node, path: Path) => void): void {
  const steps = new Map<unknown, Path>();
  const document = parseDocument(text);
  visit(document, {
    Node: (key, node, ancestors) => {
      const parent = ancestors.at(-1);
      const above = steps.get(parent) ?? [];
      const path = typeof key === 'number' ? [...above, key] : above;
      steps.set(node, path);
      each(node, path);
    },
    Pair: (_, pair: Pair, ancestors) => {
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      steps.set(pair, [...(steps.get(ancestors.at(-1)) ?? []), name]);
    },
  });
}

function stretchOf(node: unknown): Stretch | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  const [from, to] = (node as Node).range ?? [];
  return from === undefined || to === undefined ? undefined : { from, to };
}

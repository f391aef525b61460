// Reads JSON with comments that somebody is writing.
import { findNodeAtOffset, getLocation, getNodePath, type Node, parseTree } from 'jsonc-parser';
import type { Path } from '../issues.ts';
import type { FileLanguage, Stretch } from './cursor.ts';

export const jsonLanguage: FileLanguage = {
  cursorAt: (text, offset) => {
    const { path, isAtPropertyKey, previousNode } = getLocation(text, offset);
    const word = wordAt(text, offset, previousNode);
    if (!isAtPropertyKey) return { kind: 'value', path, ...word, taken: [] };
    const above = path.slice(0, -1);
    return { kind: 'key', path: above, ...word, taken: takenAt(text, above) };
  },
  thingAt: (text, offset) => {
    const tree = parseTree(text);
    const node = tree === undefined ? undefined : findNodeAtOffset(tree, offset, true);
    if (node === undefined || node.type === 'object' || node.type === 'array') return undefined;
    return { path: getNodePath(node), ...stretchOf(node) };
  },
  keyText: (name, form) => {
    const open = { object: '{}', array: '[]', word: '' }[form];
    return `${JSON.stringify(name)}: ${open}`;
  },
  valueText: word => (/^(true|false)$/.test(word) ? word : JSON.stringify(word)),
  outline: text => {
    const tree = parseTree(text);
    if (tree?.type !== 'object') return [];
    return (tree.children ?? []).flatMap(property => {
      const [key] = property.children ?? [];
      if (key === undefined) return [];
      return [{ name: String(key.value), key: stretchOf(key), ...stretchOf(property) }];
    });
  },
};

function wordAt(text: string, offset: number, previous: Node | undefined): Stretch {
  if (previous !== undefined && offset <= previous.offset + previous.length) return stretchOf(previous);
  const begun = /[\w.-]*$/.exec(text.slice(0, offset))?.[0] ?? '';
  return { from: offset - begun.length, to: offset };
}

function takenAt(text: string, path: Path): readonly string[] {
  const tree = parseTree(text);
  let node = tree;
  for (const step of path) {
    const children: readonly Node[] = node?.children ?? [];
    node =
      typeof step === 'number'
        ? children[step]
        : children.find(({ children: [key] = [] }) => key?.value === step)?.children?.[1];
  }
  return (node?.children ?? []).flatMap(({ type, children: [key] = [] }) =>
    type === 'property' && key !== undefined ? [String(key.value)] : [],
  );
}

function stretchOf({ offset, length }: Node): Stretch {
  return { from: offset, to: offset + length };
}

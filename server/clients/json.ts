// Edits JSON in place, comments and layout included.
import { isDeepStrictEqual } from 'node:util';
import { applyEdits, modify, parse } from 'jsonc-parser';
import { readJsonText } from '../project/jsonText.ts';
import { type Edited, plain, type Wish, withEntry } from './entry.ts';

export function editJson(text: string, wish: Wish): Edited {
  const read = readJsonText(text);
  if (!read.ok) {
    const [problem] = read.problems;
    const where = problem === undefined ? '' : `line ${problem.start.line}: ${problem.message}`;
    return { kind: 'refused', why: `it is no JSON: ${where}` };
  }
  const before = plain(read.value);
  const expected = withEntry(before, wish);
  if (expected === undefined) return { kind: 'refused', why: `${wish.at.join('.')} is something else in it` };
  if (isDeepStrictEqual(before, expected)) return { kind: 'edited', text };
  if (text.trim() === '') return { kind: 'edited', text: `${JSON.stringify(expected, null, 2)}\n` };
  const [servers, ours] = wish.at;
  const entry = (expected[servers] as Record<string, unknown>)[ours];
  const formattingOptions = { ...indentOf(text), eol: text.includes('\r\n') ? '\r\n' : '\n' };
  const edited = applyEdits(text, modify(text, [servers, ours], entry, { formattingOptions }));
  const after: unknown = parse(edited, [], { allowTrailingComma: true });
  if (isDeepStrictEqual(after, expected)) return { kind: 'edited', text: edited };
  return { kind: 'refused', why: 'it cannot be changed without changing more of it' };
}

function indentOf(text: string): { insertSpaces: boolean; tabSize: number } {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
  return { insertSpaces: !indent.includes('\t'), tabSize: indent.includes('\t') ? 1 : indent.length };
}

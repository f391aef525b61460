// Puts one Include line into the text of an ssh configuration and takes it out again, byte for byte.
//
// Texts are `latin1` strings here, one character per byte, so that nothing of an unknown encoding is lost.
import { quotedPath } from './configText.ts';

const BOM = Buffer.from('\u{feff}').toString('latin1');

/** Marks a file, or a file and its folder, that was not there before us. */
const madeMarks = {
  file: '# This file was made by heyvm ssh-config --install',
  folder: '# This file and its folder were made by heyvm ssh-config --install',
} as const;
export type Made = keyof typeof madeMarks;

export function includeLine(path: string): string {
  return Buffer.from(`Include ${quotedPath(path)}`).toString('latin1');
}

/** The same text when the line already stands where it counts. */
export function withInclude(text: string, line: string): string {
  if (standsBeforeBlocks(text, line)) return text;
  const { bom, body } = split(withoutLine(text, line));
  const ending = /^[^\n]*\r\n/.test(body) ? '\r\n' : '\n';
  return `${bom}${line}${ending}${body}`;
}

/** A new file, which says who made what. */
export function newConfig(line: string, made: Made): string {
  return `${line}\n${madeMarks[made]}\n`;
}

export type Removal = { text: string; made: Made | undefined };

export function withoutInclude(text: string, line: string): Removal {
  if (!hasInclude(text, line)) return { text, made: undefined };
  const made = (['file', 'folder'] as const).find(kind => linesOf(text).includes(madeMarks[kind]));
  const rest = withoutLine(text, line);
  return { text: made === undefined ? rest : withoutLine(rest, madeMarks[made]), made };
}

export function hasMark(text: string): boolean {
  return text.startsWith(BOM);
}

export function hasInclude(text: string, line: string): boolean {
  return linesOf(text).includes(line);
}

/** After a Host or Match line the Include would hold for those hosts alone. */
export function standsBeforeBlocks(text: string, line: string): boolean {
  const lines = linesOf(text);
  const at = lines.indexOf(line);
  const block = lines.findIndex(other => /^\s*(host|match)[\s=]/i.test(other));
  return at !== -1 && (block === -1 || at < block);
}

function linesOf(text: string): string[] {
  return split(text).body.split(/\r?\n/);
}

function split(text: string): { bom: string; body: string } {
  return text.startsWith(BOM) ? { bom: BOM, body: text.slice(BOM.length) } : { bom: '', body: text };
}

function withoutLine(text: string, line: string): string {
  const { bom, body } = split(text);
  const kept = body.split(/(?<=\n)/).filter(other => other.replace(/\r?\n$/, '') !== line);
  return bom + kept.join('');
}

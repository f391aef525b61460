// What an editor is told about a file of ours, all of it from the schema that the file is parsed by.
import type * as z from 'zod/mini';
import type { FileProblem } from '../../protocol/projectFile.ts';
import { aboutAt, keysAt, wordsAt } from '../keys.ts';
import type { FileLanguage, Stretch } from './cursor.ts';

/** A kind of file: how it is written, what may stand in it, and how it is checked. */
export type FileKind = {
  readonly language: FileLanguage;
  readonly schema: z.core.$ZodType;
  problemsIn(text: string): readonly FileProblem[];
};

export type Offer = Stretch & {
  readonly kind: 'key' | 'value';
  readonly label: string;
  readonly about?: string | undefined;
  readonly text: string;
};

export function offersAt({ language, schema }: FileKind, text: string, offset: number): readonly Offer[] {
  const cursor = language.cursorAt(text, offset);
  if (cursor === undefined) return [];
  const { kind, path, from, to, taken } = cursor;
  const column = from - (text.lastIndexOf('\n', from - 1) + 1);
  const values = wordsAt(schema, path).map(word => ({
    kind: 'value' as const,
    label: word,
    text: language.valueText(word),
    ...{ from, to },
  }));
  if (kind === 'value') return values;
  const keys = keysAt(schema, path)
    .filter(({ name }) => !taken.includes(name) || text.slice(from, to).includes(name))
    .map(({ name, about, form }) => ({
      kind: 'key' as const,
      label: name,
      about,
      text: language.keyText(name, form, column),
      ...{ from, to },
    }));
  return [...keys, ...values];
}

export type Explanation = Stretch & { readonly name: string; readonly about: string };

export function explanationAt(
  { language, schema }: FileKind,
  text: string,
  offset: number,
): Explanation | undefined {
  const thing = language.thingAt(text, offset);
  if (thing === undefined) return undefined;
  for (let length = thing.path.length; length > 0; length -= 1) {
    const path = thing.path.slice(0, length);
    const about = aboutAt(schema, path);
    if (about === undefined) continue;
    const words = wordsAt(schema, path);
    const choice = words.length === 0 ? '' : ` One of: ${words.join(', ')}.`;
    const name = path.filter(step => typeof step === 'string').join('.');
    return { from: thing.from, to: thing.to, name, about: `${about}${choice}` };
  }
  return undefined;
}

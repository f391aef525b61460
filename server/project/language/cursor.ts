// Where somebody is in a text that need not be finished.
import type { Path } from '../issues.ts';

/** From the first letter to behind the last one. */
export type Stretch = { readonly from: number; readonly to: number };

export type Cursor = Stretch & {
  readonly kind: 'key' | 'value';
  /** Of the mapping whose key is written, or of the value. */
  readonly path: Path;
  /** Keys that the mapping has already. */
  readonly taken: readonly string[];
};

/** How a language of files is read for people who write it. */
export type FileLanguage = {
  /** What begins or goes on at this place. */
  cursorAt(text: string, offset: number): Cursor | undefined;
  /** What stands there: the path of a key's value, or of a value. */
  thingAt(text: string, offset: number): (Stretch & { readonly path: Path }) | undefined;
  /** The text of a new key, up to where its value begins. */
  keyText(name: string, form: 'object' | 'array' | 'word', column: number): string;
  valueText(word: string): string;
  /** The keys at the top, with all that belongs to each. */
  outline(text: string): readonly (Stretch & { readonly name: string; readonly key: Stretch })[];
};

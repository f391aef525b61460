// What a schema finds wrong in a text, said where it stands there, whatever the text is written in.
import type * as z from 'zod/mini';
import { nearest } from '../core/nearest.ts';
import type { FileProblem } from '../protocol/projectFile.ts';
import { knownKeys } from './keys.ts';

export type Path = readonly PropertyKey[];
export type Span = Pick<FileProblem, 'start' | 'end'>;

/** Where things stand in a text. */
export type Spans = {
  /** Of the nearest value above, where there is none. */
  value(path: Path): Span;
  key(path: Path, key: string): Span;
  /** What stands there, where that is one word. */
  text(path: Path): string | undefined;
};

const UNKNOWN = 'unrecognized_keys';

export function problemsOf(schema: z.core.$ZodType, spans: Spans, issue: z.core.$ZodIssue): FileProblem[] {
  const { path } = issue;
  if (issue.code === UNKNOWN) return issue.keys.map(key => unknownKey(schema, spans, { path, key }));
  if (issue.code === 'invalid_key') {
    const message = `${path.map(String).join('.')}: ${issue.issues[0]?.message ?? issue.message}`;
    return [{ message, ...spans.key(path.slice(0, -1), String(path.at(-1))) }];
  }
  // A value that fits none of several shapes is explained by the shape that it was meant for.
  const inner = issue.code === 'invalid_union' ? meantIssues(issue) : [];
  if (inner.length > 0) {
    return inner.flatMap(one => problemsOf(schema, spans, { ...one, path: [...path, ...one.path] }));
  }
  const name = path.map(String).join('.');
  const message = name === '' ? issue.message : `${name}: ${issue.message}`;
  const meant = issue.code === 'invalid_value' ? meantWord(spans.text(path), issue.values) : undefined;
  return [{ message, ...guess(meant), ...spans.value(path) }];
}

/** The issues of an object inside it, because whoever wrote a mapping meant that shape; slips of the hand first. */
function meantIssues({ errors }: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] {
  const issues = errors.find(all => all.some(({ code, path }) => path.length > 0 || code === UNKNOWN)) ?? [];
  const slips = issues.filter(({ code }) => code === UNKNOWN);
  return slips.length > 0 ? slips : issues;
}

export function unknownKey(
  schema: z.core.$ZodType,
  spans: Spans,
  { path, key }: { readonly path: Path; readonly key: string },
): FileProblem {
  const known = knownKeys(schema, path);
  const [meant] = nearest(key, known);
  const where = path.length === 0 ? '' : ` in ${path.map(String).join('.')}`;
  return {
    message: `unknown key ${key}${where}`,
    ...(meant === undefined ? { hint: `known are: ${known.join(', ')}` } : guess(meant)),
    ...spans.key(path, key),
  };
}

function meantWord(word: string | undefined, values: readonly unknown[]): string | undefined {
  return word === undefined ? undefined : nearest(word, values.map(String))[0];
}

function guess(meant: string | undefined): Pick<FileProblem, 'hint' | 'meant'> {
  return meant === undefined ? {} : { hint: `did you mean ${meant}?`, meant };
}

// The one door through which outside data becomes typed data: zod with readable messages.
import * as z from 'zod/mini';
import en from 'zod/v4/locales/en.js';

z.config(en());

export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string };

/** Parses `input` and, when it does not fit, says in one line where and why. */
export function parse<S extends z.ZodMiniType>(schema: S, input: unknown): Parsed<z.output<S>> {
  const result = z.safeParse(schema, input);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, problem: result.error.issues.map(describeIssue).join('; ') };
}

/** For who has to say of each problem where it stands: the same words, with their paths. */
export function parseWithIssues<S extends z.ZodMiniType>(
  schema: S,
  input: unknown,
): { ok: true; value: z.output<S> } | { ok: false; issues: readonly z.core.$ZodIssue[] } {
  const result = z.safeParse(schema, input);
  return result.success ? { ok: true, value: result.data } : { ok: false, issues: result.error.issues };
}

/** Parses JSON text; broken JSON and a wrong shape are the same kind of answer. */
export function parseJson<S extends z.ZodMiniType>(schema: S, text: string): Parsed<z.output<S>> {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  return parse(schema, input);
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join('.');
  return where === '' ? issue.message : `${where}: ${issue.message}`;
}

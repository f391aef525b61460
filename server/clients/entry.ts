// Our entry in the configuration of a client, as a value.
import type { Client } from './clients.ts';

export type Wish = {
  readonly at: Client['at'];
  readonly entry: Readonly<Record<string, unknown>>;
};

export type Edited =
  /** The same text when the entry stands there already. */
  { readonly kind: 'edited'; readonly text: string } | { readonly kind: 'refused'; readonly why: string };

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same configuration with the entry in it, as a value; undefined where something else is in its place. */
export function withEntry(
  before: unknown,
  { at: [servers, ours], entry }: Wish,
): Record<string, unknown> | undefined {
  if (!isRecord(before)) return undefined;
  const known = before[servers] ?? {};
  if (!isRecord(known)) return undefined;
  const own = known[ours] ?? {};
  if (!isRecord(own)) return undefined;
  return { ...before, [servers]: { ...known, [ours]: { ...own, ...entry } } };
}

/** Parsers give objects without a prototype, which makes them unequal to others. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isRecord(value) || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

// What is taken out of everything that goes into a support bundle: by name, by shape, and by being known as a secret.
import { REPLACEMENT, redact } from '../core/redact.ts';

export type Cleaner = {
  /** A value of settings or records, with what has a telling name replaced. */
  data(value: unknown): unknown;
  /** Any text, last of all. */
  text(text: string): string;
  /** How much was replaced so far. */
  readonly count: number;
};

const tellingName = /token|secret|passw|passphrase|credential|api_?key|private_?key|authorization|cookie/i;
/** What is shorter is in every text. */
const SHORTEST = 6;

/** `secrets` are values that must not appear wherever they stand; `home` is shown as ~. */
export function createCleaner(secrets: readonly string[], home: string): Cleaner {
  const known = forms(secrets);
  let count = 0;
  const replaced = (): string => {
    count += 1;
    return REPLACEMENT;
  };
  const data = (value: unknown, name = ''): unknown => {
    if (tellingName.test(name) && value !== null && typeof value !== 'boolean') return replaced();
    if (Array.isArray(value)) return value.map(item => data(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, data(inner, key)]));
  };
  return {
    data: value => data(value),
    text: text => {
      let result = text;
      for (const secret of known) result = result.replaceAll(secret, replaced);
      const clean = redact(result);
      count += clean.count;
      return home.length > 1 ? clean.text.replaceAll(home, '~') : clean.text;
    },
    get count() {
      return count;
    },
  };
}

/** As they are, line by line, and as JSON writes them; the longest first, so that none is left in part. */
function forms(secrets: readonly string[]): readonly string[] {
  const lines = secrets
    .flatMap(secret => [secret, ...secret.split('\n')])
    .filter(line => line.trim().length >= SHORTEST);
  const all = lines.flatMap(line => [line, JSON.stringify(line).slice(1, -1)]);
  return [...new Set(all)].sort((one, other) => other.length - one.length);
}

/** Variables of this machine whose names say that their values are secret. */
export function secretsOf(env: NodeJS.ProcessEnv): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && tellingName.test(name) ? [value] : [],
  );
}

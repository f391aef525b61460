// Reads `NAME=VALUE` pairs of the command line.
import { fail } from '../core/errors.ts';

/** The value may contain further equals signs. */
export function variablesOf(pairs: readonly string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, equals));
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      fail('usage', `--env ${pair}: must be NAME=VALUE, with a name of letters, digits and _`);
    }
    env[name] = pair.slice(equals + 1);
  }
  return env;
}

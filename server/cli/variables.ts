// Reads `NAME=VALUE` pairs of the command line, and `NAME` for what the caller's own environment says.
import { fail } from '../core/errors.ts';

/** The value may contain further equals signs. Without one it is not seen by whoever lists the processes of this machine. */
export function variablesOf(
  pairs: readonly string[],
  own: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      fail('usage', `--env ${pair}: must be NAME=VALUE or NAME, with a name of letters, digits and _`);
    }
    const value = equals < 0 ? own[name] : pair.slice(equals + 1);
    env[name] =
      value ??
      fail('usage', `--env ${name}: there is no variable of that name here`, {
        hint: `give it a value: --env ${name}=VALUE`,
      });
  }
  return env;
}

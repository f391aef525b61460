// The settings of one backend, as its own schema understands them.
import { parse } from '../protocol/parse.ts';
import type { Backend } from './backend.ts';
import { fail } from './errors.ts';

export type BackendSettings = { readonly backends: Readonly<Record<string, unknown>> };

/** `path` is the settings file, for the person who has to mend it. */
export function optionsOf({ manifest }: Backend, settings: BackendSettings, path: string): unknown {
  const parsed = parse(manifest.options, settings.backends[manifest.id] ?? {});
  if (parsed.ok) return parsed.value;
  return fail('settings-broken', `${path}: backends.${manifest.id}: ${parsed.problem}`, {
    hint: `edit ${path}`,
  });
}

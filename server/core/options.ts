// The options of one backend, as its own schema understands them: from the settings, and those of one sandbox over them.
import * as z from 'zod/mini';
import { parse } from '../protocol/parse.ts';
import type { Backend, Manifest } from './backend.ts';
import { fail } from './errors.ts';

export type BackendSettings = {
  readonly backends: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

export type OptionsSource = {
  /** The settings file, for the person who has to mend it. */
  readonly path: string;
  /** Options of one sandbox. */
  readonly over?: Readonly<Record<string, unknown>> | undefined;
};

/** Fails with the key that is wrong: in the settings `settings-broken`, in what was asked for `usage`. */
export function optionsOf(
  { manifest }: Pick<Backend, 'manifest'>,
  settings: BackendSettings,
  { path, over = {} }: OptionsSource,
): unknown {
  const set = ownOptions(settings, manifest);
  const parsed = parse(manifest.options(), { ...set, ...over });
  if (parsed.ok) return parsed.value;
  const alone = parse(manifest.options(), set);
  if (!alone.ok) {
    return fail('settings-broken', `${path}: backends.${manifest.id}: ${alone.problem}`, {
      hint: `edit ${path}`,
    });
  }
  return fail('usage', `option of ${manifest.id}: ${parsed.problem}`, {
    hint: `${known(manifest)}; given: ${Object.keys(over).join(', ')}`,
    data: { backend: manifest.id, options: Object.keys(over) },
  });
}

function known({ id, options }: Manifest): string {
  const schema = options();
  const names = schema instanceof z.ZodMiniObject ? Object.keys(schema.shape) : [];
  return names.length === 0 ? `${id} has no options` : `options of ${id}: ${names.join(', ')}`;
}

/** What guests of a backend run from when the person names nothing: by the settings, else by the manifest. */
export function imageSetting(
  { manifest }: Pick<Backend, 'manifest'>,
  settings: BackendSettings,
): string | undefined {
  const image = settings.backends[manifest.id]?.['image'];
  return typeof image === 'string' ? image : manifest.defaultImage;
}

/** The image is a setting of every backend that has images, and no driver's own. */
function ownOptions(settings: BackendSettings, { id, capabilities }: Manifest): Record<string, unknown> {
  const all = settings.backends[id] ?? {};
  if ((capabilities.images ?? []).length === 0) return all;
  const { image: _, ...options } = all;
  return options;
}

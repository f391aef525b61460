// What a person sets in settings.json: parsed, with defaults, and precise about what is wrong.
import * as z from 'zod/mini';
import { fail } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { readTextIfExistsNow } from '../platform/files.ts';
import { NetworkMode } from '../protocol/backend.ts';
import { described } from '../protocol/described.ts';
import type { Problem } from '../protocol/doctor.ts';
import { ImageName } from '../protocol/image.ts';
import { parse } from '../protocol/parse.ts';
import { Limits } from '../protocol/sandbox.ts';
import { stripJsonc } from './jsonc.ts';

const WebAddress = z
  .string()
  .check(z.regex(/^https?:\/\/[^\s@]+$/, 'must be an http or https address without a password'));

/** A base of the person's own: its address and the digest that its file must have. */
const OwnBase = z.strictObject({
  url: WebAddress,
  sha256: z.optional(z.string().check(z.regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits'))),
  sha512: z.optional(z.string().check(z.regex(/^[0-9a-f]{128}$/, 'must be 128 hex digits'))),
});

const ImageSettings = z.strictObject({
  search: z.optional(
    described(
      z.array(z.string()),
      'Folders in which disks of known bases are looked for before anything is downloaded.',
    ),
  ),
  mirrors: z._default(
    described(
      z.record(WebAddress, WebAddress),
      "From the beginning of a vendor's address to what stands in its place; checksums still come from the vendor.",
    ),
    {},
  ),
  bases: z._default(
    described(z.record(ImageName, OwnBase), 'More bases, or others in the place of the known ones.'),
    {},
  ),
});

export const Settings = z.looseObject({
  backend_type: z.optional(described(z.string(), 'The backend when a command names none, by its id.')),
  network: z.optional(described(NetworkMode, 'The network of new sandboxes.')),
  worktree_path: z._default(
    described(
      z.string().check(z.regex(/<slug>|\{slug\}/, 'must contain <slug>')),
      'Where the worktree of a branch goes, from the main worktree; `<slug>` or `{slug}` stands for the branch.',
    ),
    '../<slug>',
  ),
  include: z._default(
    described(
      z.array(z.string()),
      'Ignored files that a new worktree gets a copy of, as patterns like those of .gitignore.',
    ),
    [],
  ),
  limits: z._default(described(Limits, 'Upper bounds of new sandboxes.'), {}),
  backends: z._default(
    described(
      z.record(z.string(), z.record(z.string(), z.unknown())),
      'Options of each backend, by its id; heyvm backends shows them.',
    ),
    {},
  ),
  devcontainer: z._default(
    described(
      z.enum(['follow', 'ignore']),
      "Whether a devcontainer.json is followed where a project has no file of heyvm's own.",
    ),
    'follow',
  ),
  images: z._default(described(ImageSettings, 'Where images come from.'), { mirrors: {}, bases: {} }),
});
export type Settings = z.output<typeof Settings>;

export type SettingsRead = { readonly settings: Settings; readonly problems: readonly Problem[] };

/** Without a file, the defaults; a wrong value is an error, an unknown key a problem that is reported. */
export function readSettings(paths: { readonly settings: string }): SettingsRead {
  const text = readTextIfExistsNow(paths.settings);
  const parsed = parse(Settings, text === undefined ? {} : parseText(paths.settings, text));
  if (!parsed.ok) broken(paths.settings, parsed.problem);
  return { settings: parsed.value, problems: unknownKeys(paths.settings, parsed.value) };
}

function parseText(path: string, text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(stripJsonc(text));
  } catch (error) {
    broken(path, error instanceof Error ? error.message : String(error));
  }
}

function broken(path: string, problem: string): never {
  fail('settings-broken', `${path}: ${problem}`, {
    hint: `edit ${path}, or move it away to go back to the defaults`,
  });
}

function unknownKeys(path: string, settings: Settings): Problem[] {
  const known = Object.keys(Settings.shape);
  return Object.keys(settings)
    .filter(key => !known.includes(key) && key !== '$schema')
    .map(key => {
      const [meant] = nearest(key, known);
      return {
        path,
        message: `unknown setting ${key}`,
        hint: meant === undefined ? `known settings: ${known.join(', ')}` : `did you mean ${meant}?`,
      };
    });
}

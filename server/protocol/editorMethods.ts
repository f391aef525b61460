// The methods about the server of an editor that runs inside a sandbox.
import * as z from 'zod/mini';
import { type Parsed, parse, parseJson } from './parse.ts';

const Target = z.object({ sandbox: z.string().check(z.minLength(1)) });

const LicenseUrl = z.url({ protocol: /^https?$/ });

/** What an editor says about itself in its product.json; every fork of VS Code has these. */
export const EditorProduct = z.object({
  commit: z.string().check(z.regex(/^[0-9a-f]{7,64}$/, 'must be a commit')),
  quality: z.string().check(z.regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be a word such as stable')),
  /** Of the editor, for templates that want it. */
  version: z.string().check(z.regex(/^[0-9A-Za-z.+-]{1,64}$/)),
  /** Of the fork, for templates that want it. */
  release: z.optional(z.string().check(z.regex(/^[0-9A-Za-z.+-]{0,64}$/))),
  /** Below the home of the guest's user, such as `.vscode-server`. */
  data_folder: z
    .string()
    .check(z.regex(/^\.[a-z0-9][a-z0-9-]{0,63}$/, 'must be a name such as .vscode-server')),
  /** The program in `bin` of the server, such as `code-server`. */
  application: z.string().check(z.regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be a name such as code-server')),
  /** Where the vendor of VS Code answers; forks have a template instead. */
  update_url: z.optional(z.url()),
  download_url_template: z.optional(z.string()),
  /** Where the terms of the server stand, for whoever has to accept them. */
  license_url: z.optional(LicenseUrl),
});
export type EditorProduct = z.output<typeof EditorProduct>;

/** The names of product.json; what is not named there has the value of VS Code. */
const ProductFile = z.object({
  commit: z.string(),
  quality: z.string(),
  version: z.optional(z.string()),
  release: z.optional(z.string()),
  serverDataFolderName: z.optional(z.string()),
  serverApplicationName: z.optional(z.string()),
  serverDownloadUrlTemplate: z.optional(z.string()),
  updateUrl: z.optional(z.string()),
  serverLicenseUrl: z.optional(z.string()),
});

/** From the text of an editor's product.json; `version` stands in where it names none. */
export function productOf(text: string, version = '0'): Parsed<EditorProduct> {
  const read = parseJson(ProductFile, text);
  if (!read.ok) return read;
  const file = read.value;
  return parse(EditorProduct, {
    commit: file.commit,
    quality: file.quality,
    version: file.version ?? version,
    release: file.release,
    data_folder: file.serverDataFolderName ?? '.vscode-server',
    application: file.serverApplicationName ?? 'code-server',
    update_url: file.updateUrl,
    download_url_template: file.serverDownloadUrlTemplate,
    // Builds without terms of their own have an empty text there.
    license_url: parse(LicenseUrl, file.serverLicenseUrl).ok ? file.serverLicenseUrl : undefined,
  });
}

/** Whether its vendor has a server with pages; those of forks are for ssh extensions alone. */
export function hasPages({ download_url_template: template }: EditorProduct): boolean {
  return template === undefined;
}

/** Something that the editor's server needs and the guest has not, or has little of. */
export const EditorGap = z.object({
  id: z.string(),
  /** With an error it does not start at all. */
  state: z.enum(['error', 'warning']),
  detail: z.string(),
  fix: z.string(),
  /** Who says that it is needed. */
  source: z.string(),
});
export type EditorGap = z.output<typeof EditorGap>;

export const GuestFacts = z.object({
  arch: z.string(),
  kernel: z.string(),
  /** Which C library, with its version where it tells. */
  libc: z.optional(z.object({ kind: z.enum(['glibc', 'musl']), version: z.optional(z.string()) })),
  /** `''` where the library is there and does not tell. */
  libstdcxx: z.optional(z.string()),
  programs: z.array(z.string()),
  memory_bytes: z.optional(z.int()),
  disk_bytes: z.optional(z.int()),
  home: z.enum(['usable', 'read-only', 'no programs']),
  loopback: z.enum(['up', 'down', 'unknown']),
  /** Whether the cache of this machine is shown inside. */
  shared_servers: z.boolean(),
});
export type GuestFacts = z.output<typeof GuestFacts>;

/** The program that Remote-SSH starts inside before any server. */
export const PlacedProgram = z.union([
  z.object({ how: z.enum(['present', 'shared', 'copied']), path: z.string() }),
  z.object({ how: z.literal('missing'), why: z.string() }),
]);
export type PlacedProgram = z.output<typeof PlacedProgram>;

export const editorMethods = {
  'editor/check': () => ({
    about:
      'Whether the guest of a running sandbox has what the server of VS Code needs, found in one round trip.',
    params: Target,
    result: z.object({ facts: z.optional(GuestFacts), gaps: z.array(EditorGap) }),
  }),
  'editor/serve': () => ({
    about:
      'Runs the server of an editor with its pages inside, as long as the sandbox runs; whoever calls this has accepted the licence of the server.',
    params: z.extend(Target, { product: EditorProduct }),
    result: z.object({ port: z.int(), token: z.string() }),
  }),
  'editor/prepare': () => ({
    about:
      'Puts the server of an editor where its ssh extension looks for it, from a cache of this machine that is filled when it has to be.',
    params: z.extend(Target, {
      product: EditorProduct,
      /** Into the guest itself, even where it could be shown from the cache. */
      copy: z.optional(z.boolean()),
    }),
    result: z.object({
      how: z.enum(['present', 'shared', 'copied']),
      /** In the guest. */
      path: z.string(),
      /** As the server itself says it. */
      version: z.string(),
      /** For editors whose vendor has it; one that is missing the editor fetches itself, if the sandbox has a network. */
      program: z.optional(PlacedProgram),
    }),
  }),
};

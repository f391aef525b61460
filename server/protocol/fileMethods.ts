// The methods about files of a running sandbox, as part of the contract between a surface and the service.
import * as z from 'zod/mini';
import type { MethodSpec } from './contract.ts';

/** A file by its absolute path inside. */
const File = z.object({
  sandbox: z.string().check(z.minLength(1)),
  path: z.string().check(z.regex(/^\/[^\0]*$/, 'must be an absolute path')),
});

export const FileFacts = z.object({
  kind: z.enum(['file', 'folder', 'link', 'other']),
  /** What a link leads to; absent for a link that leads nowhere. */
  leads_to: z.optional(z.enum(['file', 'folder', 'other'])),
  size: z.int(),
  /** Permission bits. */
  mode: z.int(),
  /** Milliseconds since 1970. */
  modified_at: z.int(),
});
export type FileFacts = z.output<typeof FileFacts>;

const None = z.object({});

/** Bytes of one answer or request, before they become text. */
export const MOST_READ_BYTES = 4 * 1024 * 1024;
export const MOST_WRITTEN_BYTES = 64 * 1024 * 1024;

export const fileMethods = {
  'files/stat': () => ({
    about: 'What is at a path; a link is told as such, with what it leads to.',
    params: File,
    result: z.object({ facts: z.optional(FileFacts) }),
  }),
  'files/list': () => ({
    about: 'What is in a folder.',
    params: File,
    result: z.object({ entries: z.array(z.extend(FileFacts, { name: z.string() })) }),
  }),
  'files/read': () => ({
    about: 'A part of a file, in base64; `end` says that nothing follows it.',
    params: z.extend(File, {
      offset: z.optional(z.int().check(z.minimum(0))),
      bytes: z.optional(z.int().check(z.minimum(1), z.maximum(MOST_READ_BYTES))),
    }),
    result: z.object({ data: z.string(), end: z.boolean() }),
  }),
  'files/write': () => ({
    about: 'Writes a whole file in place of what was there; its mode stays.',
    params: z.extend(File, { data: z.string().check(z.maxLength(MOST_WRITTEN_BYTES * 2)) }),
    result: None,
  }),
  'files/folder': () => ({ about: 'Makes a folder.', params: File, result: None }),
  'files/rename': () => ({
    about: 'Moves a file or folder inside the sandbox; replaces what is at the new place.',
    params: z.extend(File, { to: File.shape.path }),
    result: None,
  }),
  'files/remove': () => ({
    about: 'Removes a file; a folder only when recursive or empty.',
    params: z.extend(File, { recursive: z.optional(z.boolean()) }),
    result: None,
  }),
  'files/copy': () => ({
    about: 'Copies between this machine and the sandbox, folders with all that is in them.',
    params: z.object({
      sandbox: File.shape.sandbox,
      direction: z.enum(['in', 'out']),
      /** Absolute, on the side that it is copied from. */
      from: z.string(),
      /** Absolute, on the other side; into it when it is a folder. */
      to: z.string(),
    }),
    result: z.object({ files: z.int(), folders: z.int(), links: z.int(), bytes: z.int() }),
  }),
} as const satisfies Readonly<Record<string, () => MethodSpec>>;

// Which file of WebAssembly a word means: the image of the sandbox by its name, or a file of the guest by its path.
import { closeSync, openSync } from 'node:fs';
import { posix } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { ResolvedImage } from '../../core/image.ts';
import { errorCodeOf } from '../../platform/files.ts';
import type { GuestTree } from '../kit/guestTree.ts';

export type Found = { readonly file: number; readonly name: string };

type Known = { readonly image: ResolvedImage | undefined; readonly tree: GuestTree };

/** Opens it, for as long as the work takes. */
export async function withProgram<T>(
  known: Known,
  { word, cwd }: { readonly word: string; readonly cwd: string },
  work: (found: Found) => Promise<T>,
): Promise<T> {
  const found = open(known, word, cwd);
  try {
    return await work(found);
  } finally {
    closeSync(found.file);
  }
}

export function programOf(image: ResolvedImage | undefined): string | undefined {
  const [name] = (image?.name.split('/').at(-1) ?? '').split(':');
  return name?.replace(/\.wasm$/, '') || undefined;
}

export function openImage(image: ResolvedImage): Found {
  const path = image.kind === 'stored' ? image.file('program') : undefined;
  if (path === undefined) {
    return fail('unsupported', `the image ${image.name} holds no program of WebAssembly`, {
      hint: 'take one with: heyvm images add tool.wasm',
    });
  }
  return { file: openSync(path, 'r'), name: `the image ${image.name}` };
}

function open({ image, tree }: Known, word: string, cwd: string): Found {
  const program = programOf(image);
  if (image !== undefined && word === program) return openImage(image);
  if (!word.includes('/') && !word.endsWith('.wasm')) return unknown(word, program);
  const path = posix.resolve(cwd, word);
  try {
    return { file: tree.open(path, { read: true }), name: path };
  } catch (error) {
    const code = errorCodeOf(error) ?? 'an error';
    return fail('path-not-found', `there is no program ${path} in the sandbox (${code})`, {
      hint: 'give the path of a .wasm in /workspace',
      cause: error,
    });
  }
}

function unknown(word: string, program: string | undefined): never {
  return fail('path-not-found', `there is no program ${word} in the sandbox`, {
    hint: `${program === undefined ? '' : `its image is called ${program}; `}a module is run by its path, as in ./tool.wasm`,
  });
}

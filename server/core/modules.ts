// What a file of WebAssembly is, and what a program that comes from one is called.
import type { ImageKind } from '../protocol/backend.ts';

export type ModuleKind = Extract<ImageKind, `wasm-${string}`>;

/** How many bytes tell the kind. */
export const HEAD_BYTES = 8;

/** By what the file begins with; undefined for everything that is no WebAssembly. */
export function moduleKindOf(bytes: Uint8Array): ModuleKind | undefined {
  return kinds.find(([, start]) => start.every((byte, index) => bytes[index] === byte))?.[0];
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d];

const kinds: readonly (readonly [ModuleKind, readonly number[]])[] = [
  ['wasm-core', [...MAGIC, 0x01, 0x00, 0x00, 0x00]],
  // The second half is the layer, which is 1 for components; the first counts the drafts of the format.
  ['wasm-component', [...MAGIC, 0x0d, 0x00, 0x01, 0x00]],
  ['wasm-package', [0x00, 0x77, 0x65, 0x62, 0x63]],
];

/** What the file is called, as far as names of images can say it. */
export function moduleName(path: string): string {
  const plain = path
    .replace(/^.*[/\\]/, '')
    .replace(/\.(wasm|webc)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 100);
  return plain === '' ? 'program' : plain;
}

/** Whether a word means a file of this machine where it could also mean the name of an image. */
export function isModulePath(word: string): boolean {
  return /^\.{0,2}[/\\]/.test(word) || /\.(wasm|webc)$/.test(word);
}

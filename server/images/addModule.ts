// Takes a program of WebAssembly into the store: a core module, a component, or a package of such.
import { basename } from 'node:path';
import { fail } from '../core/errors.ts';
import type { ImageKind } from '../protocol/backend.ts';
import type { ImageManifest } from '../protocol/image.ts';
import { putBlob } from './blobs.ts';
import type { ImageCall, ImageDeps } from './deps.ts';
import { writeManifest } from './manifest.ts';
import { requireFile } from './requireFile.ts';
import { headOf } from './unpack.ts';

export type ModuleKind = Extract<ImageKind, `wasm-${string}`>;

/** Without a name it is found by its digest alone, and goes with the last sandbox that was made from it. */
export type ModuleAddition = { readonly path: string; readonly name?: string | undefined };

export async function addModule(
  deps: ImageDeps,
  { path, name }: ModuleAddition,
  call: ImageCall,
): Promise<ImageManifest> {
  await requireFile(path);
  const format = (await moduleKind(path)) ?? refuse(path);
  const { digest, bytes } = await putBlob(deps.paths, path, { take: 'copy', ...call });
  const manifest: Omit<ImageManifest, 'digest'> = {
    version: 1,
    name: name ?? nameOf(path),
    source: { kind: 'file', from: path },
    os: { id: 'wasm', version: format.slice('wasm-'.length), libc: 'none' },
    arch: 'any',
    runtimes: ['wasm'],
    init: 'none',
    config: { env: {}, entrypoint: [], cmd: [] },
    files: [{ role: 'program', format, digest, bytes }],
    created_at: new Date().toISOString(),
  };
  return writeManifest(deps.paths, manifest, name === undefined ? 'by digest alone' : 'by name');
}

/** By what the file begins with; undefined for everything that is no WebAssembly. */
export async function moduleKind(path: string): Promise<ModuleKind | undefined> {
  const head = (await headOf(path, 8)).toString('hex');
  if (head === '0061736d01000000') return 'wasm-core';
  if (head === '0061736d0d000100') return 'wasm-component';
  return head.startsWith(WEBC) ? 'wasm-package' : undefined;
}

/** `\0webc`. */
const WEBC = '0077656263';

/** What the file is called, as far as names of images can say it. */
function nameOf(path: string): string {
  const plain = basename(path)
    .replace(/\.(wasm|webc)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 100);
  return plain === '' ? 'program' : plain;
}

function refuse(path: string): never {
  return fail('image-broken', `${path} is no WebAssembly: it begins with other bytes`, {
    hint: 'give a module or component (.wasm) or a package (.webc)',
  });
}

// Takes a program of WebAssembly into the store: a core module, a component, or a package of such.
import { fail } from '../core/errors.ts';
import { HEAD_BYTES, type ModuleKind, moduleKindOf, moduleName } from '../core/modules.ts';
import type { ImageManifest } from '../protocol/image.ts';
import { putBlob } from './blobs.ts';
import type { ImageCall, ImageDeps } from './deps.ts';
import { writeManifest } from './manifest.ts';
import { requireFile } from './requireFile.ts';
import { headOf } from './unpack.ts';

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
    name: name ?? moduleName(path),
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

export async function moduleKind(path: string): Promise<ModuleKind | undefined> {
  return moduleKindOf(await headOf(path, HEAD_BYTES));
}

function refuse(path: string): never {
  return fail('image-broken', `${path} is no WebAssembly: it begins with other bytes`, {
    hint: 'give a module or component (.wasm) or a package (.webc)',
  });
}

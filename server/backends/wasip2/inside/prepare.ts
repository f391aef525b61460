// Makes a component ready to run, once for each: bindings and modules in a folder that is named by its digest.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { moduleKindOf } from '../../../core/modules.ts';
import { type Generated, generateBindings } from './bindings.ts';
import { providedInterfaces } from './imports.ts';
import { type Contents, digestOf, LIST, onShelf } from './onShelf.ts';
import { ComponentError, type Prepared, type PrepareOrders, SOURCE } from './orders.ts';
import { wasm } from './wasm.ts';

export async function prepare({ name, shelf }: PrepareOrders): Promise<Prepared> {
  const bytes = readFileSync(SOURCE);
  const found = moduleKindOf(bytes);
  if (found !== 'wasm-core' && found !== 'wasm-component')
    throw new ComponentError('image-broken', `${name} is no WebAssembly`);
  const kind = found === 'wasm-core' ? 'core' : 'component';
  const digest = digestOf(bytes);
  return onShelf(shelf, digest) ?? (await place(shelf, digest, { bytes, kind, name }));
}

type Raw = {
  readonly bytes: Uint8Array;
  readonly kind: Prepared['kind'];
  readonly name: string;
};

/** Appears as a whole; of two that are made at once either one is as good. */
async function place(shelf: string, digest: string, raw: Raw): Promise<Prepared> {
  const folder = join(shelf, digest);
  const generated = await generate(raw);
  const world = worldOf(generated);
  const fresh = `${folder}.new-${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  const files: Record<string, string> = {};
  for (const { name, content } of [...generated.files, { name: 'module.wasm', content: raw.bytes }]) {
    writeFileSync(join(fresh, name), content, { mode: 0o600 });
    files[name] = digestOf(content);
  }
  const contents: Contents = { world, kind: raw.kind, files };
  writeFileSync(join(fresh, LIST), JSON.stringify(contents), { mode: 0o600 });
  // Another one may have been faster, and what it made may be running.
  if (onShelf(shelf, digest) === undefined) rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (onShelf(shelf, digest) === undefined) throw error;
  }
  return { world, kind: raw.kind, digest };
}

async function generate({ bytes, kind, name }: Raw): Promise<Generated> {
  let generated: Generated;
  try {
    generated = await generateBindings(bytes, kind);
  } catch (error) {
    if (error instanceof wasm.RuntimeError)
      throw new ComponentError(
        'image-broken',
        `${name} is damaged: what makes components ready gave up on it`,
      );
    const words = error instanceof Error ? error.message : String(error);
    // From the outermost reason to the innermost, one on each line.
    const why = words
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^\s*\d+:\s*/, '');
    throw new ComponentError('image-broken', `${name} cannot be made ready to run: ${why}`);
  }
  const missing = generated.imports.filter(entry => !providedInterfaces.includes(nameOf(entry)));
  if (missing.length > 0) {
    throw new ComponentError(
      'unsupported',
      `${name} needs ${missing.join(', ')}, which nothing here provides`,
    );
  }
  return generated;
}

function worldOf({ exports }: Generated): Prepared['world'] {
  const names = exports.filter(entry => entry.includes('@0.2.')).map(nameOf);
  if (names.includes('wasi:cli/run')) return 'command';
  return names.includes('wasi:http/incoming-handler') ? 'http' : 'other';
}

/** Without its version. */
function nameOf(entry: string): string {
  return entry.replace(/@.*$/, '');
}

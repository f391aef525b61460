// jco's compiler of bindings: a component in, JavaScript and core modules out. Loaded only where something is prepared.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate, $init as readyToGenerate } from '@bytecodealliance/jco-transpile/component';
import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import type { Prepared } from './orders.ts';

export type Generated = {
  readonly files: readonly { readonly name: string; readonly content: Uint8Array }[];
  readonly imports: readonly string[];
  readonly exports: readonly string[];
};

export async function generateBindings(bytes: Uint8Array, kind: Prepared['kind']): Promise<Generated> {
  const component = kind === 'core' ? await adapted(bytes) : bytes;
  await readyToGenerate;
  const { files, imports, exports } = generate(component, {
    name: 'component',
    instantiation: { tag: 'sync' },
    noTypescript: true,
    noNodejsCompat: true,
    noNamespacedExports: true,
    noComponentErrorWrapping: false,
    base64Cutoff: 0,
    map: [],
  });
  return {
    files: files.map(([name, content]) =>
      name.endsWith('.js') ? { name: 'component.cjs', content: asCommonJs(content) } : { name, content },
    ),
    imports,
    exports: exports.map(([name]) => name),
  };
}

/** Translates the first version of WASI into the second; from jco, which has it from wasmtime. */
async function adapted(module: Uint8Array): Promise<Uint8Array> {
  const adapter = readFileSync(join(import.meta.dirname, 'wasip2-preview1.wasm'));
  return componentNew(module, [['wasi_snapshot_preview1', adapter]]);
}

/** A module of the older kind is loaded in a third of the time. */
function asCommonJs(content: Uint8Array): Uint8Array {
  const text = Buffer.from(content).toString('utf8');
  const plain = text.replace(/^export (?=function instantiate\b|const _util\b)/gm, '');
  if (plain === text || /^(export|import)\b/m.test(plain))
    throw new Error('the bindings are not as expected');
  return Buffer.from(`${plain}\nexports.instantiate = instantiate;\n`);
}

// A prepared component: its modules are compiled once, and instances of it made as often as they are needed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Imports } from './imports.ts';
import { type Instance, type Module, type ModuleImports, wasm } from './wasm.ts';

/** As the bindings are written by jco, with `instantiation: sync`. */
type Bindings = {
  instantiate(load: (name: string) => Module, imports: Imports, core: Core): Exports;
};

type Core = (module: Module, imports?: ModuleImports) => Instance;

export type Exports = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

export type Component = { instantiate(imports: Imports, onExit: (code: number) => void): Exports };

export function loadComponent(folder: string): Component {
  const { instantiate }: Bindings = createRequire(join(folder, 'component'))('./component.cjs');
  const modules = new Map<string, Module>();
  const load = (name: string): Module => {
    const known = modules.get(name);
    if (known !== undefined) return known;
    const module = new wasm.Module(readFileSync(join(folder, name)));
    modules.set(name, module);
    return module;
  };
  return {
    instantiate: (imports, onExit) =>
      instantiate(load, imports, (module, given) => core(module, given, onExit)),
  };
}

/** The exported interface, whatever its version within 0.2. */
export function interfaceOf(exports: Exports, name: string): Readonly<Record<string, unknown>> | undefined {
  const key = Object.keys(exports).find(entry => entry === name || entry.startsWith(`${name}@0.2.`));
  return key === undefined ? undefined : exports[key];
}

/**
 * `wasi:cli/exit` only knows success and failure. Programs for the first version of WASI end with a number, which the
 * adapter between the two takes and drops; here it is looked at on its way there.
 */
function core(module: Module, imports: ModuleImports | undefined, onExit: (code: number) => void): Instance {
  const first = imports?.[FIRST];
  const exit = first?.['proc_exit'];
  if (first === undefined || typeof exit !== 'function') return new wasm.Instance(module, imports);
  const watched = (code: number): void => {
    onExit(code);
    exit(code);
  };
  return new wasm.Instance(module, { ...imports, [FIRST]: { ...first, proc_exit: watched } });
}

const FIRST = 'wasi_snapshot_preview1';

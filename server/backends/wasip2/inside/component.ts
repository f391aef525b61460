// A prepared component: its modules are compiled once, and instances of it made as often as they are needed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { answered, type First, firstCalls } from './firstCalls.ts';
import type { Imports } from './imports.ts';
import { type Instance, type Module, type ModuleImports, wasm } from './wasm.ts';

/** As the bindings are written by jco, with `instantiation: sync`. */
type Bindings = {
  instantiate(load: (name: string) => Module, imports: Imports, core: Core): Exports;
};

type Core = (module: Module, imports?: ModuleImports) => Instance;

export type Exports = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

export type Component = { instantiate(imports: Imports, program?: Program): Exports };

/** For what is in a component of the first version of WASI. */
export type Program = First & { readonly onExit: (code: number) => void };

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
    instantiate: (imports, program) =>
      instantiate(load, imports, (module, given) => {
        const isProgram = given?.[FIRST] !== undefined && program !== undefined;
        return isProgram ? programInstance(module, given, program) : new wasm.Instance(module, given);
      }),
  };
}

/** The exported interface, whatever its version within 0.2. */
export function interfaceOf(exports: Exports, name: string): Readonly<Record<string, unknown>> | undefined {
  const key = Object.keys(exports).find(entry => entry === name || entry.startsWith(`${name}@0.2.`));
  return key === undefined ? undefined : exports[key];
}

const FIRST = 'wasi_snapshot_preview1';

/**
 * `wasi:cli/exit` only knows success and failure. Programs for the first version of WASI end with a number, which the
 * adapter between the two takes and drops; here it is looked at on its way there.
 */
function programInstance(module: Module, imports: ModuleImports, program: Program): Instance {
  const given = imports[FIRST] ?? {};
  const early = firstCalls(program, () => memoryOf(instance));
  const exit = given['proc_exit'];
  const watched = (code: number): void => {
    program.onExit(code);
    if (typeof exit === 'function') exit(code);
  };
  const asked = answered(given, early);
  const instance = new wasm.Instance(module, {
    ...imports,
    [FIRST]: exit === undefined ? asked : { ...asked, proc_exit: watched },
  });
  return instance;
}

function memoryOf({ exports }: Instance): { readonly buffer: ArrayBuffer } {
  return exports['memory'] as { readonly buffer: ArrayBuffer };
}

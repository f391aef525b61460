// Node's WebAssembly, whose types come only with those of browsers.

export type Module = object;
export type ModuleImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
export type Instance = { readonly exports: Readonly<Record<string, unknown>> };

type Engine = {
  readonly Module: new (bytes: Uint8Array) => Module;
  readonly Instance: new (module: Module, imports?: ModuleImports) => Instance;
  readonly RuntimeError: new () => Error;
};

export const wasm: Engine = Reflect.get(globalThis, 'WebAssembly');

// What programs for the first version of WASI ask before anything else, answered without the adapter.
//
// The adapter keeps its state in a page that it adds to the memory of the program when it is first called. The C library
// takes all memory that is there at its first allocation for its own, so that this page must not be there yet.
import { randomFillSync } from 'node:crypto';
import type { ModuleImports } from './wasm.ts';

export type First = {
  readonly argv: readonly string[];
  readonly env: readonly (readonly [string, string])[];
  /** Names of the folders that it is given, in their order. */
  readonly folders: readonly string[];
};

type Memory = { readonly buffer: ArrayBuffer };
type Calls = Readonly<Record<string, (...words: number[]) => number>>;

const OK = 0;
const BAD_DESCRIPTOR = 8;
/** Those before are the standard streams. */
const FIRST_FOLDER = 3;

/** `memory` is that of the program, which is there when it asks. */
export function firstCalls({ argv, env, folders }: First, memory: () => Memory): Calls {
  const args = argv.map(terminated);
  const variables = env.map(([name, value]) => terminated(`${name}=${value}`));
  const names = folders.map(name => Buffer.from(name));
  const view = (): DataView => new DataView(memory().buffer);
  const sizes = (list: readonly Buffer[]) => (count: number, bytes: number) => {
    view().setUint32(count, list.length, true);
    view().setUint32(bytes, total(list), true);
    return OK;
  };
  const contents = (list: readonly Buffer[]) => (pointers: number, start: number) => {
    let at = start;
    for (const [index, bytes] of list.entries()) {
      view().setUint32(pointers + 4 * index, at, true);
      new Uint8Array(memory().buffer).set(bytes, at);
      at += bytes.length;
    }
    return OK;
  };
  return {
    args_sizes_get: sizes(args),
    args_get: contents(args),
    environ_sizes_get: sizes(variables),
    environ_get: contents(variables),
    fd_prestat_get: (descriptor, at) => {
      const name = names[descriptor - FIRST_FOLDER];
      if (name === undefined) return BAD_DESCRIPTOR;
      view().setUint32(at, 0, true);
      view().setUint32(at + 4, name.length, true);
      return OK;
    },
    fd_prestat_dir_name: (descriptor, at, length) => {
      const name = names[descriptor - FIRST_FOLDER];
      if (name === undefined) return BAD_DESCRIPTOR;
      new Uint8Array(memory().buffer).set(name.subarray(0, length), at);
      return OK;
    },
    random_get: (at, length) => {
      randomFillSync(new Uint8Array(memory().buffer, at, length));
      return OK;
    },
  };
}

/** Only those that the program imports. */
export function answered(asked: ModuleImports[string], calls: Calls): ModuleImports[string] {
  const known = Object.entries(calls).filter(([name]) => name in asked);
  return { ...asked, ...Object.fromEntries(known) };
}

function terminated(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function total(list: readonly Buffer[]): number {
  return list.reduce((sum, bytes) => sum + bytes.length, 0);
}

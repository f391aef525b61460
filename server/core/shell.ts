// What `sh` is inside a guest, which decides how it can be asked.
import type { Runtime } from '../protocol/backend.ts';

/**
 * `posix`: the language of POSIX. `lines`: where only modules of WebAssembly run, `sh` reads lines and `sh -c` takes
 * one, and each is a program with its arguments and nothing more.
 */
export type Shell = 'posix' | 'lines';

export function shellOf(runtime: Runtime): Shell {
  return runtime === 'wasm' ? 'lines' : 'posix';
}

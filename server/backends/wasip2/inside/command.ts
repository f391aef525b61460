// Runs a component as a program, to its end and that of this process.
import { writeSync } from 'node:fs';
import { interfaceOf, loadComponent } from './component.ts';
import { type Ending, foldersOf, importsFor } from './imports.ts';
import type { RunOrders } from './orders.ts';
import { wasm } from './wasm.ts';

export function runCommand(orders: RunOrders): never {
  let said: number | undefined;
  const ending: Ending = {
    // What the program itself said is more than what came of it on the way.
    exit: code => process.exit(said ?? code),
  };
  try {
    const component = loadComponent(orders.prepared);
    const exports = component.instantiate(importsFor(orders, orders.argv, ending), {
      argv: orders.argv,
      env: orders.env,
      folders: foldersOf(orders).map(([name]) => name),
      onExit: code => {
        said = code & 0xff;
      },
    });
    const run = interfaceOf(exports, 'wasi:cli/run')?.['run'];
    if (typeof run !== 'function') throw new Error('it exports no wasi:cli/run');
    run();
    return ending.exit(0);
  } catch (error) {
    if (isFailure(error)) return ending.exit(1);
    writeSync(2, `heyvm: ${trapOf(error)}\n`);
    process.exit(TRAPPED);
  }
}

/** As of a program that aborts, and as wasmtime says it. */
const TRAPPED = 134;

/** `run` answers that it failed by an exception of its bindings. */
function isFailure(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === 'ComponentError';
}

export function trapOf(error: unknown): string {
  // Some compilers, such as Go's, take all memory for their own, also what the adapter keeps there.
  if (error instanceof Error && error.stack?.includes('assert_fail') === true)
    return 'this core module cannot be adapted to WASI 0.2; as it is it runs with --option runtime=wasmtime, or in wasix';
  if (error instanceof wasm.RuntimeError) return `the program was ended by a trap: ${error.message}`;
  if (error instanceof RangeError) return `the program was ended: ${error.message}`;
  return `the program cannot go on: ${error instanceof Error ? error.message : String(error)}`;
}

// Gives the memory of buffers that were read and passed on back early, while much data flows.
//
// Every read from a socket takes a fresh buffer outside of the JavaScript heap, and the engine lets tens of megabytes
// of them pile up before it looks. A collection of the young generation costs less than a millisecond.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const EVERY_BYTES = 4 * 1024 * 1024;

let passed = 0;
let collect: (() => void) | undefined;

/** To be told about every piece of a stream that was passed on. */
export function notePassed(bytes: number): void {
  passed += bytes;
  if (passed < EVERY_BYTES) return;
  passed = 0;
  collect ??= findCollector();
  collect();
}

function findCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? () => void gc({ type: 'minor' }) : () => {};
}

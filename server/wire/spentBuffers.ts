// Gives the memory of buffers that were read and passed on back early, while much data flows.
//
// Every read from a socket takes a fresh buffer outside of the JavaScript heap, and the engine lets tens of megabytes
// of them pile up before it looks. A collection of the young generation costs less than a millisecond. What waited
// in a queue for a while is no longer young; where too much of that is left, a whole collection follows.
import { collectGarbage } from '../platform/collector.ts';

const EVERY_BYTES = 4 * 1024 * 1024;

/** What is on its way at any moment in a busy connection is less. */
const MOST_KEPT = 8 * 1024 * 1024;

/** Where much is really in use, a whole collection would find nothing and must not be repeated all the time. */
const WHOLE_EVERY_BYTES = 32 * 1024 * 1024;

let passed = 0;
let sinceWhole = 0;

/** To be told about every piece of a stream that was passed on. */
export function notePassed(bytes: number): void {
  passed += bytes;
  if (passed < EVERY_BYTES) return;
  sinceWhole += passed;
  passed = 0;
  collectGarbage('minor');
  if (sinceWhole < WHOLE_EVERY_BYTES || process.memoryUsage().arrayBuffers < MOST_KEPT) return;
  sinceWhole = 0;
  collectGarbage('major');
}

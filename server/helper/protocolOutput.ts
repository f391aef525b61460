// Keeps stdout for the protocol alone: whatever else is printed in this process goes to stderr.
import { Writable } from 'node:stream';

/** The only way to the real stdout from now on. */
export function claimStdout(): Writable {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      write(chunk, done);
    },
  });
}

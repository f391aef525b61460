// Random names, and numbers for them.
import { closeSync, openSync, readSync } from 'node:fs';

export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** A whole number from 0 on, below a limit of at most 2 ** 32. */
export function randomBelow(limit: number): number {
  return randomBytes(4).readUInt32LE() % limit;
}

/** From the system itself: Node's cryptography takes longer to load than most of what a command does. */
function randomBytes(count: number): Buffer {
  if (process.platform === 'win32') return process.getBuiltinModule('node:crypto').randomBytes(count);
  const bytes = Buffer.alloc(count);
  const file = openSync('/dev/urandom', 'r');
  try {
    readSync(file, bytes);
  } finally {
    closeSync(file);
  }
  return bytes;
}

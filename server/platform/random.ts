// Random names for files that are being made.

/** Node's cryptography is loaded with the first use, because commands that only read need none. */
export function randomHex(bytes: number): string {
  return process.getBuiltinModule('node:crypto').randomBytes(bytes).toString('hex');
}

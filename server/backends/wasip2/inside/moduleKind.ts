// Tells from its first bytes what a file of WebAssembly is.

/** A core module is adapted to the second version of WASI; a component is what this backend runs. */
export type ModuleKind = 'core' | 'component' | 'neither';

export function moduleKindOf(bytes: Uint8Array): ModuleKind {
  if (!startsWith(bytes, MAGIC)) return 'neither';
  const version = bytes.subarray(MAGIC.length);
  if (startsWith(version, [0x01, 0x00, 0x00, 0x00])) return 'core';
  // The second half is the layer, which is 1 for components; the first counts the drafts of the format.
  return startsWith(version, [0x0d, 0x00, 0x01, 0x00]) ? 'component' : 'neither';
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d];

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

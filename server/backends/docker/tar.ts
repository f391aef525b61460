// Reads the first file of a tar archive, which is all that an engine sends when it is asked for one file.

const BLOCK = 512;

/** Undefined when the archive begins with anything but a regular file; extended headers are passed over. */
export function firstFile(archive: Buffer): Buffer | undefined {
  let at = 0;
  while (at + BLOCK <= archive.length) {
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 136).replace(/[\0 ].*$/s, ''), 8);
    const type = archive.toString('latin1', at + 156, at + 157);
    const from = at + BLOCK;
    if (!Number.isInteger(size) || from + size > archive.length) return undefined;
    if (type === '0' || type === '\0') return archive.subarray(from, from + size);
    if (type !== 'x' && type !== 'g' && type !== 'L') return undefined;
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}

// Reads the first file of a tar archive, which is all that an engine sends when it is asked for one file.
import { fail } from '../../core/errors.ts';

/** Files that are looked at are small; what is not was made to fill our memory. */
const LARGEST = 4 * 1024 * 1024;

const BLOCK = 512;

/** Undefined when the archive begins with anything but a regular file. Gives up when it is too long. */
export async function readFirstFile(archive: AsyncIterable<unknown>): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of archive) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    if (size > LARGEST) {
      fail('image-broken', `a file of the image that lists its users is larger than ${LARGEST} bytes`, {
        hint: 'choose another image',
      });
    }
    chunks.push(bytes);
  }
  return firstFile(Buffer.concat(chunks));
}

/** Extended headers are passed over. */
export function firstFile(archive: Buffer): Buffer | undefined {
  let at = 0;
  while (at + BLOCK <= archive.length) {
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 136).replace(/[\0 ].*$/s, ''), 8);
    const type = archive.toString('latin1', at + 156, at + 157);
    const from = at + BLOCK;
    if (!Number.isInteger(size) || size < 0 || from + size > archive.length) return undefined;
    if (type === '0' || type === '\0') return archive.subarray(from, from + size);
    if (type !== 'x' && type !== 'g' && type !== 'L') return undefined;
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}

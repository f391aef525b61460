// Reads what a file of a tree holds.
import { open } from 'node:fs/promises';
import type { Content } from './rootTree.ts';

export async function bytesOf(content: Content): Promise<Buffer> {
  if (content.kind === 'bytes') return content.bytes;
  const file = await open(content.path, 'r');
  try {
    const bytes = Buffer.alloc(content.size);
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, content.offset + done);
      if (bytesRead === 0) throw new Error(`${content.path} became shorter while it was read`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

// Writes the bytes of one file of an archive to a file of their own.
import { createReadStream, createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Content } from './build/rootTree.ts';

export async function cutOut(content: Content, target: string, signal: AbortSignal): Promise<void> {
  if (content.kind === 'bytes' || content.size === 0) {
    await writeFile(target, content.kind === 'bytes' ? content.bytes : '', { flag: 'wx', mode: 0o600 });
    return;
  }
  const { path, offset, size } = content;
  const source = createReadStream(path, {
    start: offset,
    end: offset + size - 1,
    highWaterMark: 1024 * 1024,
  });
  await pipeline(source, createWriteStream(target, { flags: 'wx', mode: 0o600 }), { signal });
}

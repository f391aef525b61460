// Follows a log that grows and is rotated, woken by the file system and not by a clock.
import { watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

type Place = { readonly file: FileHandle; readonly inode: number; offset: number };

const CHUNK = 64 * 1024;

export type Following = {
  readonly path: string;
  /** How many of the lines that are there already are shown first. */
  readonly lines: number;
  readonly show: (text: string) => Promise<void>;
};

/** Shows whole lines, none twice and none left out; resolves when `signal` aborts or the folder is gone. */
export async function followFile({ path, lines, show }: Following, signal: AbortSignal): Promise<void> {
  const changes = changesOf(path, signal);
  const read = lineReader(show);
  let place = await openFile(path);
  if (place !== undefined) place.offset = await startOfLast(place, lines);
  try {
    for await (const _ of changes) {
      place ??= await openFile(path);
      if (place === undefined) continue;
      await read(place);
      if ((await inodeOf(path)) === place.inode) continue;
      // The log was rotated: the rest of the old file was read above, the new one begins at its start.
      await read(place);
      await place.file.close();
      place = await openFile(path);
      if (place !== undefined) await read(place);
    }
  } finally {
    await place?.file.close();
  }
}

/** One turn at once and one for each burst of changes; watching begins with the call. */
function changesOf(path: string, signal: AbortSignal): AsyncIterable<undefined> {
  const folder = dirname(path);
  let wake = (): void => {};
  let pending = true;
  let ended = false;
  const watcher = watch(folder, (event, name) => {
    if (name !== null && name !== basename(path) && event !== 'rename') return;
    pending = true;
    wake();
  });
  const end = (): void => {
    ended = true;
    watcher.close();
    wake();
  };
  watcher.on('error', end);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const next = (): Promise<void> =>
    new Promise(resolve => {
      wake = resolve;
    });
  return {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (!pending && !ended) await next();
        if (ended) return;
        pending = false;
        yield undefined;
        if ((await inodeOf(folder)) === undefined) end();
      }
    },
  };
}

function lineReader(show: Following['show']): (place: Place) => Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  const buffer = Buffer.alloc(CHUNK);
  return async place => {
    // A log that became shorter was emptied and begins anew.
    if ((await place.file.stat()).size < place.offset) place.offset = 0;
    for (;;) {
      const { bytesRead } = await place.file.read(buffer, 0, CHUNK, place.offset);
      if (bytesRead === 0) return;
      place.offset += bytesRead;
      const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(10) + 1;
      rest = bytes.subarray(end);
      if (end > 0) await show(bytes.toString('utf8', 0, end));
    }
  };
}

/** Where the last `count` lines begin. */
async function startOfLast({ file }: Place, count: number): Promise<number> {
  const { size } = await file.stat();
  if (count === 0) return size;
  const buffer = Buffer.alloc(CHUNK);
  let left = count;
  for (let end = size; end > 0; end -= CHUNK) {
    const start = Math.max(0, end - CHUNK);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index -= 1) {
      // The newline at the very end closes the last line and begins none.
      if (buffer[index] !== 10 || start + index === size - 1) continue;
      left -= 1;
      if (left <= 0) return start + index + 1;
    }
  }
  return 0;
}

async function openFile(path: string): Promise<Place | undefined> {
  try {
    const file = await open(path, 'r');
    return { file, inode: (await file.stat()).ino, offset: 0 };
  } catch (error) {
    return absent(error);
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    return absent(error);
  }
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

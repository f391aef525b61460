// Components that were made ready to run: each once on this machine, and asked about once by each owner.
import type { BigIntStats } from 'node:fs';
import { fstatSync, readSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { ensureFolder } from '../../platform/files.ts';
import { answerOf, startChild } from './child.ts';
import { programPath } from './host.ts';
import { digestOf, onShelf } from './inside/onShelf.ts';
import type { Prepared } from './inside/orders.ts';
import { type Host, planProcess, watchOf } from './plan.ts';

export type Ready = Prepared & { readonly folder: string };

export type Shelf = {
  /** `file` is open for reading. */
  ensure(file: number, name: string): Promise<Ready>;
};

/** Changes whenever what lies there would be made differently. */
const FORMAT = 'jco-0.15.0-2';

export function shelfFolder(cache: string): string {
  return join(cache, FORMAT);
}

export function openShelf({ cache, signal }: Pick<DriverContext, 'cache' | 'signal'>, host: Host): Shelf {
  const known = new Map<string, Promise<Ready>>();
  return {
    ensure: (file, name) => {
      const key = identityOf(fstatSync(file, { bigint: true }));
      const before = known.get(key);
      if (before !== undefined) return before;
      const now = prepare({ shelf: shelfFolder(cache), host, signal }, file, name);
      known.set(key, now);
      // Whoever comes next may have more luck.
      now.catch(() => known.delete(key));
      return now;
    },
  };
}

type Preparing = { readonly shelf: string; readonly host: Host; readonly signal: AbortSignal };

async function prepare({ shelf, host, signal }: Preparing, file: number, name: string): Promise<Ready> {
  const ready = onShelf(shelf, digestOf(wholeFile(file, name)));
  if (ready !== undefined) return { ...ready, folder: join(shelf, ready.digest) };
  await ensureFolder(shelf);
  const child = startChild({
    started: planProcess(host, programPath('wasip2-prepare')),
    orders: { watch: watchOf(host), name, shelf },
    source: file,
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-WORDS);
  });
  child.stdout?.resume();
  const give = (): void => void child.kill('SIGKILL');
  const deadline = setTimeout(give, LONGEST_MS);
  signal.addEventListener('abort', give, { once: true });
  try {
    const answer = await answerOf(child);
    signal.throwIfAborted();
    if (answer?.kind === 'prepared')
      return { ...answer.prepared, folder: join(shelf, answer.prepared.digest) };
    if (answer?.kind === 'failed') return fail(answer.code, answer.message);
    return fail(
      'guest-failed',
      `${name} could not be made ready to run: ${said.trim() || 'it took too long'}`,
    );
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', give);
    give();
  }
}

const LONGEST_MS = 180_000;
const WORDS = 2_000;

/** A guest can make a file look as large as it likes. */
const LARGEST = 512 * 1024 * 1024;

/** By position, so that whoever is given the same descriptor begins at its beginning. */
function wholeFile(file: number, name: string): Uint8Array {
  const { size } = fstatSync(file);
  if (size > LARGEST) fail('image-broken', `${name} is larger than ${LARGEST} bytes, as no program is`);
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < bytes.length) {
    const count = readSync(file, bytes, at, bytes.length - at, at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

const KEPT_MS = 14 * 24 * 60 * 60 * 1_000;

/** What nobody has run for two weeks can be made again, and what other versions made is of no use. */
export async function clearShelf(cache: string, now: number): Promise<void> {
  for (const format of await namesIn(cache)) {
    if (format !== FORMAT) {
      await rm(join(cache, format), { recursive: true, force: true });
      continue;
    }
    for (const name of await namesIn(join(cache, format))) {
      const folder = join(cache, format, name);
      const used = await stat(join(folder, 'prepared.json')).then(
        ({ mtimeMs }) => mtimeMs,
        () =>
          stat(folder).then(
            ({ mtimeMs }) => mtimeMs + KEPT_MS - HALF_MADE_MS,
            () => now,
          ),
      );
      if (now - used > KEPT_MS) await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Whoever makes one has finished or died by then. */
const HALF_MADE_MS = 60 * 60 * 1_000;

async function namesIn(folder: string): Promise<string[]> {
  // Nothing was ever made.
  return readdir(folder).catch(() => []);
}

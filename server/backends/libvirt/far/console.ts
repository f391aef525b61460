// What a machine on another host writes to its console comes through libvirt, into the file that is read of every machine.
import { appendFile, stat, truncate } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Line } from '../line.ts';
import { streamOf } from './connection.ts';

export type Keeping = {
  readonly uri: string;
  readonly domain: string;
  /** Exists already. */
  readonly file: string;
  /** Until it is closed. */
  readonly line: Line;
};

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** Answers when the first words can come, or cannot; a console that is lost is asked for again. */
export async function keepConsole(keeping: Keeping): Promise<void> {
  const first = consoleOf(keeping);
  void keepOn(keeping, first);
  await first;
}

async function keepOn(keeping: Keeping, first: Promise<Duplex | undefined>): Promise<void> {
  const { ended } = keeping.line;
  let pause = FIRST_PAUSE_MS;
  for (let next = first; !ended.aborted; next = consoleOf(keeping)) {
    const console = await next;
    if (console !== undefined) {
      pause = FIRST_PAUSE_MS;
      await copy(keeping, console).catch(() => undefined);
    }
    await delay(pause, undefined, { signal: ended }).catch(() => undefined);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** Undefined where it cannot be had now; that a machine has ended is found out elsewhere. */
function consoleOf({ uri, domain }: Keeping): Promise<Duplex | undefined> {
  return streamOf(uri, { domain, what: 'console' }).catch(() => undefined);
}

/** Readers begin anew with a file that became shorter. */
const LONGEST_FILE = 1024 * 1024;

async function copy({ file, line }: Keeping, console: Duplex): Promise<void> {
  const stop = (): void => void console.destroy();
  line.ended.addEventListener('abort', stop, { once: true });
  try {
    if (line.ended.aborted) stop();
    for await (const words of console) {
      if ((await stat(file)).size > LONGEST_FILE) await truncate(file);
      await appendFile(file, words as Buffer);
    }
  } finally {
    line.ended.removeEventListener('abort', stop);
    console.destroy();
  }
}

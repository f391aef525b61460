// What a machine writes to its serial console: into the log of the sandbox, and its last words when it fails.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { isAbsence } from '../../platform/files.ts';

export type ConsoleReader = {
  /** The lines that came since the last call. */
  read(): Promise<readonly string[]>;
  /** The last lines that were read, for an error message. */
  lastWords(): string;
};

const KEPT_LINES = 6;
/** A guest that floods its console is not followed line by line. */
const MOST_BYTES = 256 * 1024;
const MOST_LINES = 200;
/** More of one line is not shown anyway. */
const LONGEST_LINE = 4096;

/** Begins at the end of what is there, because older lines belong to an earlier start. */
export async function readConsole(file: string): Promise<ConsoleReader> {
  let place = await sizeOf(file);
  let rest = '';
  let kept: readonly string[] = [];
  let panic: string | undefined;
  const decoder = new StringDecoder('utf8');
  return {
    async read() {
      const size = await sizeOf(file);
      // A file that became shorter was rotated away.
      if (size < place) place = 0;
      if (size === place) return [];
      const start = Math.max(place, size - MOST_BYTES);
      const parts = (rest + decoder.write(await bytesOf(file, start, size))).split(/\r?\n/);
      place = size;
      // A guest that never ends its line must not be collected.
      rest = (parts.pop() ?? '').slice(0, LONGEST_LINE);
      const lines = parts
        .slice(-MOST_LINES)
        .map(printable)
        .filter(line => line !== '');
      kept = [...kept, ...lines].slice(-KEPT_LINES);
      panic ??= lines.find(line => line.includes('Kernel panic'));
      return lines;
    },
    // A panic is followed by pages of registers, which say nothing to most people.
    lastWords: () => panic ?? [...kept, printable(rest)].filter(line => line !== '').join(' | '),
  };
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isAbsence(error)) return 0;
    throw error;
  }
}

async function bytesOf(file: string, start: number, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(file, { start, end: size - 1 })) {
    chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
  }
  return Buffer.concat(chunks);
}

/** A guest decides what stands here, and it ends up in terminals of people. */
function printable(line: string): string {
  return (
    line
      .slice(0, LONGEST_LINE)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
      .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]|[\u0000-\u001f\u007f-\u009f]/g, '')
      .trimEnd()
      .slice(0, 500)
  );
}

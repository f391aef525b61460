// The log of one sandbox: a line with its time for everything that happens, rotated by size.
import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

const LIMIT = 5 * 1024 * 1024;
const LONGEST_LINE = 64 * 1024;

export type Log = (line: string) => void;

/** Looks at the size only when it writes, so an idle owner never wakes for its log. */
export function openLog(files: { readonly log: string; readonly logOlder: string }): Log {
  let file = openSync(files.log, 'a', 0o600);
  let size = statSync(files.log).size;
  const rotate = (): void => {
    renameSync(files.log, files.logOlder);
    closeSync(file);
    file = openSync(files.log, 'a', 0o600);
    size = 0;
  };
  return line => {
    const bytes = Buffer.from(`${new Date().toISOString()} ${oneLine(line)}\n`);
    try {
      if (size + bytes.length > LIMIT) rotate();
      size += writeSync(file, bytes);
    } catch {
      // A full disk or a removed folder must not end a running guest for the sake of a log line.
    }
  };
}

/**
 * What this process says without meaning to, as Node does when it breaks, goes to the log as well: the system gives the
 * lowest number that is free, so that a file opened now takes the place of stdout, and the next one that of stderr.
 */
export function keepStrayWords(files: { readonly log: string }): void {
  // There the two cannot be closed.
  if (process.platform === 'win32') return;
  for (const number of [1, 2]) {
    closeSync(number);
    openSync(files.log, 'a', 0o600);
  }
}

/** What a guest or a client says must not look like another line, nor speak to the terminal that shows it. */
function oneLine(line: string): string {
  const text = line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, found =>
    JSON.stringify(found).slice(1, -1),
  );
}

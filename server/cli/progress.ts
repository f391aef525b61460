// Shows the phases of long work on stderr: one line that rewrites itself, or plain lines when it takes a while.
import type { Progress } from '../protocol/contract.ts';
import { isTerminal, put } from './outlets.ts';
import { type Output, printable } from './output.ts';

export type ProgressLine = { report(progress: Progress): void; clear(): void };

/** Without a terminal, work that is done sooner than this is not worth a line. */
const PATIENCE_MS = 1_500;

export function createProgress(out: Output): ProgressLine {
  if (out.quiet) return { report: () => {}, clear: () => {} };
  const line = isTerminal('stderr') ? rewriting() : patient();
  out.onLine(line.clear);
  return line;
}

function rewriting(): ProgressLine {
  let shown = false;
  const clear = (): void => {
    if (shown) put('stderr', '\r\u001b[K');
    shown = false;
  };
  return {
    report: progress => {
      const width = Math.max(20, (process.stderr.columns ?? 80) - 1);
      put('stderr', `\r\u001b[K${textOf(progress).slice(0, width)}`);
      shown = true;
    },
    clear,
  };
}

function patient(): ProgressLine {
  const begun = Date.now();
  let last = '';
  let waiting: NodeJS.Timeout | undefined;
  const clear = (): void => clearTimeout(waiting);
  const show = (progress: Progress): void => {
    if (progress.phase === last) return;
    last = progress.phase;
    put('stderr', `${textOf(progress)}\n`);
  };
  return {
    report: progress => {
      clear();
      const early = begun + PATIENCE_MS - Date.now();
      if (early <= 0) return show(progress);
      // The phase that lasts is the one worth knowing, and it may have begun at once.
      waiting = setTimeout(() => show(progress), early).unref();
    },
    clear,
  };
}

function textOf({ phase, detail, percent }: Progress): string {
  const share = percent === undefined ? '' : ` ${Math.round(percent)}%`;
  return printable(`${phase}${share}${detail === undefined ? '' : `: ${detail}`}`);
}

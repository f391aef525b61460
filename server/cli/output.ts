// Where a command's words go: data on stdout, everything else on stderr.
import { type SandboxError, toErrorInfo } from '../core/errors.ts';

export type Paint = (style: Style, text: string) => string;

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export type Output = {
  readonly format: 'text' | 'json';
  readonly quiet: boolean;
  /** Colours for stdout; plain where it is no terminal. */
  readonly paint: Paint;
  /** The width of the terminal behind stdout, unlimited where it is none. */
  readonly columns: number;
  /** The command's answer: the value as JSON, or its text. */
  result(value: unknown, text: () => string): void;
  /** Bytes or text for stdout as they are; resolves when they are handed over. */
  write(chunk: string | Uint8Array): Promise<void>;
  /** Text that a guest may have made: untouched for programs, without control characters for a terminal. */
  writeForeign(text: string): Promise<void>;
  /** A remark for people. */
  note(text: string): void;
  warn(text: string): void;
  error(error: SandboxError): void;
  /** Called before every line on stderr, so that a progress line makes way. */
  onLine(listener: () => void): void;
};

const codes: Readonly<Record<Style, string>> = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  cyan: '36',
};

export function createOutput(options: {
  format: 'text' | 'json';
  quiet: boolean;
  env: NodeJS.ProcessEnv;
}): Output {
  const { format, quiet, env } = options;
  let makeWay = (): void => {};
  const say = (text: string): void => {
    makeWay();
    process.stderr.write(`${text}\n`);
  };
  const write = (chunk: string | Uint8Array): Promise<void> =>
    new Promise(done => process.stdout.write(chunk, () => done()));
  const loud = painter(process.stderr.isTTY === true, env);
  return {
    format,
    quiet,
    paint: painter(process.stdout.isTTY === true && format === 'text', env),
    columns: process.stdout.columns ?? Number.POSITIVE_INFINITY,
    result: (value, text) => {
      const shown = format === 'json' ? JSON.stringify(value, null, 2) : text();
      makeWay();
      if (shown !== '') process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
    },
    write,
    writeForeign: text => write(process.stdout.isTTY === true ? printable(text) : text),
    note: text => {
      if (!quiet) say(text);
    },
    warn: text => say(`${loud('yellow', 'warning:')} ${text}`),
    error: error => {
      if (format === 'json') say(JSON.stringify({ error: toErrorInfo(error) }));
      else say(errorText(error, loud));
    },
    onLine: listener => {
      makeWay = listener;
    },
  };
}

/** A reader that went away, as in `heyvm list | head -1`, is no failure. */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
      throw error;
    });
  }
}

function errorText(error: SandboxError, paint: Paint): string {
  const hint = error.hint === undefined ? '' : `\n  ${paint('dim', printable(error.hint))}`;
  return `${paint('red', 'heyvm:')} ${printable(error.message)}${hint}`;
}

/** Names and messages may come from a guest or a repository; control characters must not reach the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?');
}

function painter(tty: boolean, env: NodeJS.ProcessEnv): Paint {
  const plain = !tty || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return plain ? (_style, text) => text : (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m`;
}

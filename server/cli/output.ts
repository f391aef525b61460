// Where a command's words go: data on stdout, everything else on stderr.
import { type SandboxError, toErrorInfo } from '../core/errors.ts';
import { isTerminal, put, streamOf } from './outlets.ts';

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
    put('stderr', `${text}\n`);
  };
  const write = (chunk: string | Uint8Array): Promise<void> =>
    new Promise(done => streamOf('stdout').write(chunk, () => done()));
  const terminal = isTerminal('stdout');
  const loud = painter(isTerminal('stderr'), env);
  return {
    format,
    quiet,
    paint: painter(terminal && format === 'text', env),
    columns: terminal ? process.stdout.columns : Number.POSITIVE_INFINITY,
    result: (value, text) => {
      const shown = format === 'json' ? JSON.stringify(value, null, 2) : text();
      makeWay();
      if (shown !== '') put('stdout', shown.endsWith('\n') ? shown : `${shown}\n`);
    },
    write,
    writeForeign: text => write(terminal ? printable(text) : text),
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

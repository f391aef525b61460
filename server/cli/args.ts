// Parses a command's arguments against its entry in the table; strict, and helpful about slips.
import { fail } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { readDuration, readNumber, readSize } from '../core/values.ts';
import type { Args, Argument, Command, Flag } from './command.ts';

type Value = string | number | true | string[];

/** Flags that every command understands. */
export const globalFlags: readonly Flag[] = [
  {
    kind: 'choice',
    name: 'format',
    value: 'FORMAT',
    choices: ['text', 'json'],
    summary: 'how to print: text or json',
  },
  { kind: 'flag', name: 'quiet', short: 'q', summary: 'no progress and no remarks on stderr' },
  { kind: 'flag', name: 'help', short: 'h', summary: 'say what the command does' },
];

export function parseArgs(command: Command, tokens: readonly string[]): Args {
  const parser = new Parser(command);
  for (let index = 0; index < tokens.length; ) index += parser.take(tokens, index);
  return readerOf(command, parser.flags, parser.positionals);
}

/** Whether json was asked for, told from the tokens before a `--` alone, for errors that come before parsing. */
export function wantsJson(tokens: readonly string[]): boolean {
  const end = tokens.indexOf('--');
  const own = end === -1 ? tokens : tokens.slice(0, end);
  return own.some(
    (token, index) => token === '--format=json' || (token === '--format' && own[index + 1] === 'json'),
  );
}

class Parser {
  readonly flags = new Map<string, Value>();
  readonly positionals: string[] = [];
  readonly #command: Command;
  readonly #known: readonly Flag[];
  readonly #program: number;
  #literal = false;

  constructor(command: Command) {
    this.#command = command;
    this.#known = [...command.flags, ...globalFlags];
    this.#program = command.arguments.findIndex(argument => argument.presence === 'program');
  }

  /** Reads what starts at `index` and answers how many tokens that was. */
  take(tokens: readonly string[], index: number): number {
    const token = tokens[index] ?? '';
    if (this.#literal) return this.#positional(tokens, index);
    if (token === '--') {
      this.#literal = true;
      return 1;
    }
    if (token.startsWith('--')) return this.#long(token, tokens[index + 1]);
    if (token.startsWith('-') && token !== '-') return this.#short(token, tokens[index + 1]);
    return this.#positional(tokens, index);
  }

  #positional(tokens: readonly string[], index: number): number {
    if (this.#program !== -1 && this.positionals.length >= this.#program) {
      this.positionals.push(...tokens.slice(index));
      return tokens.length - index;
    }
    this.positionals.push(tokens[index] ?? '');
    return 1;
  }

  #long(token: string, next: string | undefined): number {
    const equals = token.indexOf('=');
    const name = token.slice(2, equals === -1 ? undefined : equals);
    const flag = this.#known.find(known => known.name === name || known.aliases?.includes(name));
    if (flag === undefined) return this.#unknown(`--${name}`);
    if (flag.kind === 'flag') {
      if (equals !== -1) return this.#wrong(`--${name} takes no value`);
      this.flags.set(flag.name, true);
      return 1;
    }
    if (equals !== -1) {
      this.#store(flag, token.slice(equals + 1));
      return 1;
    }
    if (next === undefined) return this.#wrong(`--${name} needs a value: --${name} ${flag.value}`);
    this.#store(flag, next);
    return 2;
  }

  /** `-f`, several at once as in `-it`, and a value that follows or is joined as in `-n20`. */
  #short(token: string, next: string | undefined): number {
    for (let place = 1; place < token.length; place += 1) {
      const letter = token[place] ?? '';
      const flag = this.#known.find(known => known.short === letter);
      if (flag === undefined) return this.#unknown(`-${letter}`);
      if (flag.kind === 'flag') {
        this.flags.set(flag.name, true);
        continue;
      }
      const joined = token.slice(place + 1).replace(/^=/, '');
      if (joined !== '') {
        this.#store(flag, joined);
        return 1;
      }
      if (next === undefined) return this.#wrong(`-${letter} needs a value: -${letter} ${flag.value}`);
      this.#store(flag, next);
      return 2;
    }
    return 1;
  }

  #store(flag: Exclude<Flag, { kind: 'flag' }>, text: string): void {
    if (flag.kind === 'list') {
      const before = this.flags.get(flag.name);
      this.flags.set(flag.name, Array.isArray(before) ? [...before, text] : [text]);
      return;
    }
    const value = readValue(flag, text);
    if (typeof value === 'object') this.#wrong(`--${flag.name} ${text}: ${value.problem}`);
    else this.flags.set(flag.name, value);
  }

  #unknown(given: string): never {
    const names = this.#known.flatMap(flag => [flag.name, ...(flag.aliases ?? [])].map(name => `--${name}`));
    const close = given.startsWith('--') ? nearest(given, names)[0] : undefined;
    return this.#wrong(
      `${this.#command.name} has no flag ${given}`,
      close === undefined ? undefined : `did you mean ${close}?`,
    );
  }

  #wrong(message: string, hint?: string): never {
    fail('usage', message, { hint: hint ?? `heyvm ${this.#command.name} --help` });
  }
}

function readValue(
  flag: Exclude<Flag, { kind: 'flag' | 'list' }>,
  text: string,
): string | number | { problem: string } {
  switch (flag.kind) {
    case 'string':
      return text;
    case 'choice':
      return flag.choices.includes(text) ? text : { problem: `must be one of ${flag.choices.join(', ')}` };
    case 'duration':
      return readDuration(text) ?? { problem: 'must be a duration such as 10s, 5m or 1h' };
    case 'size':
      return readSize(text) ?? { problem: 'must be a size such as 512m or 2g' };
    case 'number': {
      const number = readNumber(text);
      const kind = flag.whole === 'whole' ? 'a whole number' : 'a number';
      if (
        number === undefined ||
        number < flag.min ||
        (flag.whole === 'whole' && !Number.isInteger(number))
      ) {
        return { problem: `must be ${kind} of at least ${flag.min}` };
      }
      return number;
    }
  }
}

function readerOf(command: Command, flags: ReadonlyMap<string, Value>, positionals: readonly string[]): Args {
  const declared = new Map([...command.flags, ...globalFlags].map(flag => [flag.name, flag.kind]));
  const values = assign(command, positionals, flags.has('help'));
  const flag = (name: string, kinds: readonly Flag['kind'][]): Value | undefined => {
    const kind = declared.get(name);
    if (kind === undefined || !kinds.includes(kind))
      fail('internal', `${command.name} declares no such flag: ${name}`);
    return flags.get(name);
  };
  const argument = (name: string): readonly string[] =>
    values.get(name) ?? fail('internal', `${command.name} declares no such argument: ${name}`);
  return {
    flag: name => flag(name, ['flag']) === true,
    string: name => flag(name, ['string', 'choice']) as string | undefined,
    number: name => flag(name, ['number', 'duration', 'size']) as number | undefined,
    list: name => (flag(name, ['list']) as string[] | undefined) ?? [],
    argument: name => argument(name)[0] ?? fail('usage', `${command.name} needs ${name}`),
    optional: name => argument(name)[0],
    rest: argument,
  };
}

/** Gives the positionals to the declared arguments; what is missing or too much is an error unless help is wanted. */
function assign(
  command: Command,
  positionals: readonly string[],
  help: boolean,
): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, readonly string[]>();
  let used = 0;
  for (const argument of command.arguments) {
    const all = argument.presence === 'many' || argument.presence === 'program';
    const taken = positionals.slice(used, all ? undefined : used + 1);
    used += taken.length;
    values.set(argument.name, taken);
    if (taken.length === 0 && argument.presence !== 'optional' && !help) refuseMissing(command, argument);
  }
  if (used < positionals.length && !help) {
    fail('usage', `${command.name} takes no argument ${JSON.stringify(positionals[used])}`, {
      hint: `heyvm ${command.name} --help`,
    });
  }
  return values;
}

function refuseMissing(command: Command, argument: Argument): never {
  const example = command.examples[0];
  fail('usage', `${command.name} needs <${argument.name}>: ${argument.summary}`, {
    hint: example === undefined ? `heyvm ${command.name} --help` : `for example: ${example.command}`,
  });
}

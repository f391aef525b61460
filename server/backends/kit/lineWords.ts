// One line of the shell for modules: words, quotes and variables, and a refusal of everything that it does not know.

export type Line =
  | { readonly kind: 'empty' }
  | { readonly kind: 'wrong'; readonly why: string }
  | {
      readonly kind: 'words';
      readonly words: readonly string[];
      /** Set before the program, as in `NAME=value program`. */
      readonly variables: Readonly<Record<string, string>>;
    };

/** A line means what it would mean to a POSIX shell, or it is refused. */
export function readLine(text: string, variable: (name: string) => string): Line {
  const read = readWords(text, variable);
  if (typeof read === 'string') return { kind: 'wrong', why: read };
  const first = read.findIndex(word => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word));
  const words = first < 0 ? [] : read.slice(first);
  const set = (first < 0 ? read : read.slice(0, first)).map(word => splitOnce(word));
  if (words.length === 0)
    return set.length === 0
      ? { kind: 'empty' }
      : { kind: 'wrong', why: 'variables hold for one program: NAME=value program' };
  return { kind: 'words', words, variables: Object.fromEntries(set) };
}

function splitOnce(word: string): [string, string] {
  const at = word.indexOf('=');
  return [word.slice(0, at), word.slice(at + 1)];
}

type Scan = { readonly text: string; at: number; word: string | undefined };

/** The words, or why there are none. */
function readWords(text: string, variable: (name: string) => string): string[] | string {
  const words: string[] = [];
  const scan: Scan = { text, at: 0, word: undefined };
  while (scan.at < text.length) {
    const letter = text[scan.at] ?? '';
    if (/\s/.test(letter)) {
      if (scan.word !== undefined) words.push(scan.word);
      scan.word = undefined;
      scan.at += 1;
    } else if (letter === '#' && scan.word === undefined) {
      break;
    } else {
      const wrong = readPart(scan, letter, variable);
      if (wrong !== undefined) return wrong;
    }
  }
  if (scan.word !== undefined) words.push(scan.word);
  return words;
}

/** Adds what begins at the place to the word; answers what is wrong with it. */
function readPart(scan: Scan, letter: string, variable: (name: string) => string): string | undefined {
  if (letter === "'") return readSingle(scan);
  if (letter === '"') return readDouble(scan, variable);
  if (letter === '\\') {
    scan.word = (scan.word ?? '') + (scan.text[scan.at + 1] ?? '');
    scan.at += 2;
    return undefined;
  }
  if (letter === '$') return readVariable(scan, variable);
  if (';&|<>()`*?['.includes(letter)) {
    return `${letter} is not known here, for there is no POSIX shell; a line is one program with its arguments`;
  }
  scan.word = (scan.word ?? '') + letter;
  scan.at += 1;
  return undefined;
}

function readSingle(scan: Scan): string | undefined {
  const end = scan.text.indexOf("'", scan.at + 1);
  if (end < 0) return 'a quote is not closed';
  scan.word = (scan.word ?? '') + scan.text.slice(scan.at + 1, end);
  scan.at = end + 1;
  return undefined;
}

function readDouble(scan: Scan, variable: (name: string) => string): string | undefined {
  scan.word ??= '';
  for (scan.at += 1; scan.at < scan.text.length; ) {
    const letter = scan.text[scan.at] ?? '';
    if (letter === '"') {
      scan.at += 1;
      return undefined;
    }
    if (letter === '`') return '` is not known here, for there is no POSIX shell';
    if (letter === '$') {
      const wrong = readVariable(scan, variable);
      if (wrong !== undefined) return wrong;
      continue;
    }
    const next = scan.text[scan.at + 1] ?? '';
    const escaped = letter === '\\' && '"\\$`'.includes(next);
    scan.word += escaped ? next : letter;
    scan.at += escaped ? 2 : 1;
  }
  return 'a quote is not closed';
}

function readVariable(scan: Scan, variable: (name: string) => string): string | undefined {
  const rest = scan.text.slice(scan.at + 1);
  const name = /^(?:\{([A-Za-z_][A-Za-z0-9_]*|\?)\}|([A-Za-z_][A-Za-z0-9_]*|\?))/.exec(rest);
  if (name === null) {
    if (rest.startsWith('(') || rest.startsWith('{'))
      return '$( and ${ are not known here, for there is no POSIX shell';
    scan.word = `${scan.word ?? ''}$`;
    scan.at += 1;
    return undefined;
  }
  scan.word = (scan.word ?? '') + variable(name[1] ?? name[2] ?? '');
  scan.at += 1 + name[0].length;
  return undefined;
}

// Which files of a folder a build does not get, by the rules of .dockerignore.

export type Ignored = (path: string) => boolean;

type Rule = { readonly pattern: RegExp; readonly keeps: boolean };

/** Later lines win; a line with `!` takes back. The path has no leading slash. */
export function readIgnoreRules(text: string): Ignored {
  const rules = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(ruleOf)
    .filter(rule => rule !== undefined);
  return path => rules.reduce((ignored, rule) => (matches(rule, path) ? !rule.keeps : ignored), false);
}

/** Whether something below an ignored folder can be taken back, so that the folder must still be looked into. */
export function hasExceptions(text: string): boolean {
  return text.split('\n').some(line => line.trim().startsWith('!'));
}

function ruleOf(line: string): Rule | undefined {
  const keeps = line.startsWith('!');
  const steps = (keeps ? line.slice(1) : line)
    .trim()
    .split('/')
    .filter(step => step !== '' && step !== '.');
  const plain: string[] = [];
  for (const step of steps) {
    if (step === '..') plain.pop();
    else plain.push(step);
  }
  return plain.length === 0 ? undefined : { keeps, pattern: patternOf(plain) };
}

/** A rule for a folder is one for all that is in it. */
function matches({ pattern }: Rule, path: string): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (pattern.test(path.slice(0, end))) return true;
  }
  return false;
}

function patternOf(steps: readonly string[]): RegExp {
  let source = '';
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1;
    if (step === '**') source += isLast ? '.*' : '(?:.*/)?';
    else source += stepSource(step) + (isLast ? '' : '/');
  }
  return new RegExp(`^${source}$`, 's');
}

function stepSource(step: string): string {
  let source = '';
  for (let at = 0; at < step.length; at += 1) {
    const letter = step[at] ?? '';
    const set = letter === '[' ? /^\[(\^?)([^\]]+)\]/.exec(step.slice(at)) : null;
    if (letter === '*') source += step[at + 1] === '*' ? '.*' : '[^/]*';
    else if (letter === '?') source += '[^/]';
    else if (letter === '\\') source += escaped(step[at + 1] ?? '\\');
    else if (set !== null) source += `[${set[1]}${(set[2] ?? '').replace(/[\\[\]]/g, '\\$&')}]`;
    else source += escaped(letter);
    if (letter === '*' && step[at + 1] === '*') at += 1;
    if (letter === '\\') at += 1;
    if (set !== null) at += set[0].length - 1;
  }
  return source;
}

function escaped(letter: string): string {
  return letter.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

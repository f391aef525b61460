// Says early why git would refuse a branch name; git itself decides later.

/** A sentence for the person, or undefined when the name can be a branch. */
export function branchProblem(name: string): string | undefined {
  if (name === '') return 'A branch needs a name';
  if (name.startsWith('-')) return 'A branch name cannot begin with -';
  const forbidden = /[\s~^:?*[\\]/.exec(name)?.[0];
  if (forbidden !== undefined)
    return forbidden.trim() === ''
      ? 'A branch name has no spaces'
      : `A branch name cannot contain ${forbidden}`;
  if (hasControlCharacter(name)) return 'A branch name has no control characters';
  if (name === '@' || name === 'HEAD') return `${name} is reserved by git`;
  for (const part of ['..', '//', '@{']) {
    if (name.includes(part)) return `A branch name cannot contain ${part}`;
  }
  if (name.startsWith('/') || name.endsWith('/')) return 'A branch name cannot begin or end with /';
  if (name.endsWith('.')) return 'A branch name cannot end with a full stop';
  if (name.split('/').some(part => part.startsWith('.') || part.endsWith('.lock'))) {
    return 'No part of a branch name can begin with a full stop or end with .lock';
  }
  return undefined;
}

function hasControlCharacter(text: string): boolean {
  return [...text].some(character => character < ' ' || character === '\u007f');
}

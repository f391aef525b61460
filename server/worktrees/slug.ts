// From a branch to names: of its sandbox, and of the folder of its worktree.
import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';

const LONGEST = 40;
const HASH = 6;

/** Lower case, a-z 0-9 . and -, at most 40; different branches may give the same. */
export function slugOf(branch: string): string {
  const slug = branch
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/-*\.-*/g, '.');
  const cut = trim(trim(slug).slice(0, LONGEST));
  return cut === '' ? `branch-${hashOf(branch)}` : cut;
}

/** What a branch may be called, best first; the second one belongs to it alone. */
export function labelsOf(repository: string, branch: string): readonly [string, string] {
  const slug = slugOf(branch);
  const short = trim(slug.slice(0, LONGEST - HASH - 1));
  return [slug, `${short}-${hashOf(`${repository}\0${branch}`)}`];
}

export function sandboxNameOf(label: string): string {
  return `wt-${label}`;
}

/** `template` is seen from the repository's root; <slug>, <repo> and <branch> stand for themselves, in {} as well. */
export function worktreePathOf(
  template: string,
  repository: string,
  names: { readonly label: string; readonly branch: string },
): string {
  const values: Readonly<Record<string, string>> = {
    slug: names.label,
    repo: basename(repository).replace(/\.git$/, ''),
    branch: names.branch,
  };
  const filled = template.replace(/<(slug|repo|branch)>|\{(slug|repo|branch)\}/g, (_, angle, brace) => {
    return values[String(angle ?? brace)] ?? '';
  });
  return resolve(repository, filled);
}

function trim(text: string): string {
  return text.replace(/^[-.]+|[-.]+$/g, '');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH);
}

// Commits that only a private git folder has: they would be lost with it.
import { type Host, hostGit, hostGitLine } from './hostGit.ts';
import type { Repository } from './repository.ts';
import type { Target } from './status.ts';
import { beginningOf, type Tips, tipsAtRest } from './tips.ts';

export type Unimported = {
  /** Branches, tags and stashes whose commits the host does not have, as a person calls them. */
  readonly names: readonly string[];
  /** Refs that cannot be imported, quoted. */
  readonly odd: readonly string[];
};

/** `told` is what git inside says; without it the folder is read, and undefined when that says nothing sure. */
export async function unimported(
  host: Host,
  { repository, own }: Target,
  told: Tips | undefined,
): Promise<Unimported | undefined> {
  const found = told ?? (await tipsAtRest(own));
  if (found === undefined) return undefined;
  const beginning = await beginningOf(own);
  const changed = found.tips.filter(({ name, commit }) => beginning.get(name) !== commit);
  const lost = await lostOf(host, repository, [...new Set(changed.map(({ commit }) => commit))]);
  const names = new Set(changed.filter(({ commit }) => lost.has(commit)).map(({ name }) => shortName(name)));
  if (names.size > 1) names.delete('HEAD');
  return { names: [...names], odd: found.odd };
}

/** Sentences as unsavedWork has them. */
export async function unimportedWork(host: Host, target: Target, told: Tips | undefined): Promise<string[]> {
  const found = await unimported(host, target, told);
  if (found === undefined) return ['its own git folder cannot be read, so that it may have commits'];
  const { names, odd } = found;
  return [
    ...(names.length === 0 ? [] : [`commits inside that were not imported: ${some(names)}`]),
    ...(odd.length === 0 ? [] : [`refs inside that cannot be imported: ${some(odd)}`]),
  ];
}

/** Neither here nor kept by any ref of the repository. */
async function lostOf(host: Host, repository: Repository, commits: readonly string[]): Promise<Set<string>> {
  if (commits.length === 0) return new Set();
  const at = { gitDir: repository.commonDir, cwd: repository.root, env: { GIT_NO_LAZY_FETCH: '1' } };
  const input = commits.map(commit => `${commit}\n`).join('');
  const { stdout } = await hostGit(host, ['cat-file', '--batch-check=%(objectname)'], { ...at, input });
  const missing = new Set(
    stdout.split('\n').flatMap(line => (line.endsWith(' missing') ? [line.slice(0, line.indexOf(' '))] : [])),
  );
  const lost = new Set(missing);
  for (const commit of commits.filter(each => !missing.has(each))) {
    const count = await hostGitLine(
      host,
      ['rev-list', '--count', '--max-count=1', commit, '--not', '--all', '--'],
      at,
    );
    if (count !== '0') lost.add(commit);
  }
  return lost;
}

function shortName(name: string): string {
  return name.startsWith('stash/') ? 'a stash' : name.replace(/^refs\/(heads|tags)\//, '');
}

function some(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')}, …` : names.join(', ');
}

// What in a worktree makes git on the host dangerous, and what a person should know before running it there.
//
// Nothing that the host can configure keeps a plain `git status` out of a repository nested in the tree: the nested
// configuration counts more than the person's, and `.gitmodules` undoes `diff.ignoreSubmodules`. Only options of each
// single command do, which is how hostGit.ts works; for a person's own commands there is this warning.
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsence } from '../platform/files.ts';
import { type OwnFolder, readRegular } from './gitFolder.ts';
import { gitlinksOf } from './gitIndex.ts';

const INDEX_LIMIT = 512 * 1024 * 1024;

/** Cheap enough for every list: reads one index and one folder, and starts nothing. */
export async function hazardsOf(own: OwnFolder, worktree: string): Promise<string[]> {
  const [nested, links, running] = await Promise.all([
    nestedRepositories(own, worktree),
    linksIn(own.gitDir),
    unfinished(own.gitDir),
  ]);
  const found: string[] = [];
  if (nested.kind === 'unknown')
    found.push(
      'the git index cannot be checked for nested repositories; do not run git on the host in this worktree',
    );
  else if (nested.paths.length > 0) {
    found.push(
      `git status on the host would look into nested repositories and run what their configuration names: ${quoted(nested.paths)}`,
    );
  }
  if (links.length > 0) found.push(`git on the host would write through symbolic links: ${quoted(links)}`);
  if (running !== undefined)
    found.push(`${running} was begun inside; continue it inside, its list may name programs`);
  return found;
}

export type Nested = { kind: 'known'; paths: readonly string[] } | { kind: 'unknown' };

/** Gitlinks of the index that have a repository in their folder; those are what submodule status enters. */
export async function nestedRepositories(own: OwnFolder, worktree: string): Promise<Nested> {
  let index: Buffer | undefined;
  try {
    index = await readRegular(join(own.gitDir, 'index'), INDEX_LIMIT);
  } catch {
    // Not a plain file of a sane size, so it says nothing that could be relied on.
    return { kind: 'unknown' };
  }
  if (index === undefined) return { kind: 'known', paths: [] };
  const links = gitlinksOf(index, await hashBytesOf(own));
  if (links.kind === 'unknown') return links;
  const paths: string[] = [];
  for (const path of links.paths) {
    if (await isPopulated(worktree, path)) paths.push(path.toString('utf8'));
  }
  return { kind: 'known', paths };
}

/** The configuration of the repository is the host's, and says which hash its objects have. */
async function hashBytesOf({ commonDir }: OwnFolder): Promise<20 | 32> {
  const config = await readRegular(join(commonDir, 'config'), 1024 * 1024);
  return /^\s*objectformat\s*=\s*"?sha256"?\s*$/im.test(config?.toString('latin1') ?? '') ? 32 : 20;
}

async function isPopulated(worktree: string, path: Buffer): Promise<boolean> {
  try {
    await lstat(Buffer.concat([Buffer.from(`${worktree}/`), path, Buffer.from('/.git')]));
    return true;
  } catch (error) {
    return !isAbsence(error);
  }
}

/** Git makes no links in a worktree's own folder. */
async function linksIn(gitDir: string): Promise<string[]> {
  const entries = await readdir(gitDir, { withFileTypes: true }).catch(() => []);
  return entries.filter(entry => entry.isSymbolicLink()).map(entry => join(gitDir, entry.name));
}

async function unfinished(gitDir: string): Promise<string | undefined> {
  for (const folder of ['rebase-merge', 'rebase-apply', 'sequencer']) {
    const state = await lstat(join(gitDir, folder)).catch(() => undefined);
    if (state !== undefined) return folder === 'sequencer' ? 'a series of picks' : 'a rebase';
  }
  return undefined;
}

function quoted(paths: readonly string[]): string {
  const shown = paths.slice(0, 5).map(path => JSON.stringify(path));
  return paths.length > 5 ? `${shown.join(', ')} and ${paths.length - 5} more` : shown.join(', ');
}

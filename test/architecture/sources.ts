// The source files of the project, for the tests that look at all of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../scripts/lib/command.ts';
import { root } from '../../scripts/lib/places.ts';

export type Source = { readonly path: string; readonly text: string };

/** Everything that git tracks or would track, so that nothing generated is looked at. */
export async function sources(keep: (path: string) => boolean): Promise<Source[]> {
  const argv = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const listed = await attempt(argv, { cwd: root });
  return listed.stdout
    .split('\0')
    .filter(path => path !== '' && keep(path))
    .flatMap(path => read(path));
}

export const isCode = (path: string) => /\.(ts|mjs|mts|rs|sh)$/.test(path);

function read(path: string): Source[] {
  try {
    return [{ path, text: readFileSync(join(root, path), 'utf8') }];
  } catch {
    // Tracked, and removed in the working tree.
    return [];
  }
}

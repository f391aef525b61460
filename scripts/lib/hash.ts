// One hash over many files, to know whether something made from them is still good.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Depends on names and contents below the given files and folders, not on times or on where the tree lies. */
export function hashOf(
  base: string,
  paths: readonly string[],
  keep: (path: string) => boolean = () => true,
): string {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(start => filesBelow(join(base, start)))) {
    const name = relative(base, path);
    if (!keep(name)) continue;
    const content = readFileSync(path);
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

export function filesBelow(start: string): string[] {
  if (!existsSync(start)) return [];
  if (!statSync(start).isDirectory()) return [start];
  return readdirSync(start, { withFileTypes: true })
    .filter(entry => entry.name !== 'node_modules' && entry.name !== 'target')
    .map(entry => join(start, entry.name))
    .sort()
    .flatMap(path => filesBelow(path));
}

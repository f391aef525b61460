// Lets other users reach what lies below a folder that is closed to them, such as root's home, without opening that folder.
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { root } from '../places.ts';

/** What every test needs: the tree, and the Node that runs it. */
const needed = [root, dirname(dirname(process.execPath))];

/** Words of bwrap: each closed folder above what is needed is an empty one there, with nothing in it but what is needed. */
export function openFolders(): readonly string[] {
  const closed = new Set(needed.map(closedFolder).filter(folder => folder !== undefined));
  return [
    ...[...closed].flatMap(folder => ['--tmpfs', folder]),
    ...needed
      .filter(folder => [...closed].some(above => folder.startsWith(`${above}/`)))
      // What bwrap itself would make on the way to a folder, nobody else could enter.
      .flatMap(folder => ['--perms', '0755', '--dir', dirname(folder), '--bind', folder, folder]),
  ];
}

/** What stays closed, because it is itself what is needed. */
export function stillClosed(): string | undefined {
  return needed.find(folder => closedFolder(folder) === folder);
}

/** The first folder on the way that others may not enter. */
function closedFolder(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const above = dirname(path) === path ? undefined : closedFolder(dirname(path));
  if (above !== undefined) return above;
  const { mode } = statSync(path);
  return (mode & 0o005) === 0o005 ? undefined : path;
}

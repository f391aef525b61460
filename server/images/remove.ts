// Takes an image's name away, and with it the files that nothing else needs.
import { fail } from '../core/errors.ts';
import type { Paths } from '../store/paths.ts';
import { layoutOf } from './layout.ts';
import { refuseUnknown } from './lookup.ts';
import { filesIn, listManifests, removeName } from './manifest.ts';
import { encodeName, sameNames } from './names.ts';
import { pruneImages } from './prune.ts';
import { readUsage } from './usage.ts';

export type Removal = { readonly name: string; readonly freed: number };

/** `used` says what happens to one that a sandbox was made from; its files stay for that sandbox in any case. */
export async function removeImage(
  paths: Paths,
  name: string,
  { used }: { readonly used: 'refuse' | 'remove' },
): Promise<Removal> {
  const stored = await storedName(paths, name);
  const { images } = await listManifests(paths);
  const image = images.find(candidate => candidate.name === stored);
  const users = image === undefined ? [] : (await readUsage(paths)).usersOf(image);
  if (users.length > 0 && used === 'refuse') {
    fail('busy', `image ${stored} is used by ${users.join(', ')}`, {
      hint: `remove the sandbox first, or take the name alone: heyvm images rm --force ${stored}`,
      data: { used_by: users },
    });
  }
  await removeName(paths, stored);
  const pruned = await pruneImages(paths, { effect: 'remove', images: 'keep', leftovers: 'keep' });
  return { name: stored, freed: pruned.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Also of an image whose manifest cannot be read. */
async function storedName(paths: Paths, name: string): Promise<string> {
  const files = await filesIn(layoutOf(paths).names);
  const found = sameNames(name).find(candidate => files.includes(`${encodeName(candidate)}.json`));
  if (found !== undefined) return found;
  return refuseUnknown(paths, name);
}

// Prunes the store, and what killed work on images left outside of it.

import { clearArea, killedAreas } from './build/workArea.ts';
import type { ImageDeps } from './deps.ts';
import { type Pruned, type PruneWish, pruneImages, sizeOf } from './prune.ts';

export async function sweepImages(
  { paths, run }: Pick<ImageDeps, 'paths' | 'run'>,
  wish: PruneWish,
): Promise<readonly Pruned[]> {
  const removed = [...(await pruneImages(paths, wish))];
  for (const path of await killedAreas()) {
    removed.push({ what: 'half-made base', path, bytes: await sizeOf(path) });
    if (wish.effect === 'remove') await clearArea(run, path);
  }
  return removed;
}

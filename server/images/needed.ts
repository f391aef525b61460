// Which images are needed, for whoever keeps copies of them elsewhere.
import type { Paths } from '../store/paths.ts';
import { listManifests } from './manifest.ts';
import { readUsage } from './usage.ts';

/** By its digest: one that has a name, or from which a sandbox was made. All are while a manifest cannot be read. */
export async function readImageNeeds(paths: Paths): Promise<(digest: string) => boolean> {
  const { images, problems } = await listManifests(paths);
  if (problems.length > 0) return () => true;
  const named = new Set(images.map(({ digest }) => digest));
  const usage = await readUsage(paths);
  return digest => named.has(digest) || usage.mentions(digest);
}

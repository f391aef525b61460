// Clears templates away: what nobody builds on, what is left of makers that died, and marks of sandboxes that are gone.
import { rm } from 'node:fs/promises';
import type { MachineContext, Residue } from '../../../core/backend.ts';
import { namesIn } from '../../../platform/files.ts';
import { acquireLock } from '../../../store/lock.ts';
import { clearLayers } from '../layers.ts';
import type { Libvirt } from '../virsh.ts';
import { templateKey, templateName } from './make.ts';
import { clearScratch } from './scratch.ts';
import { clearShelf, failureIn, locksIn, makingFolder, shelfIn } from './shelf.ts';

/** For when a person asks for room: every template that no sandbox builds on goes, and is named. */
export async function clearTemplates(
  context: MachineContext,
  libvirt: Libvirt,
  living: ReadonlySet<string>,
): Promise<readonly Residue[]> {
  const shelf = shelfIn(context.cache);
  await clearMakings(context, libvirt, shelf);
  const removed = await clearShelf(shelf, living, 'remove');
  await clearLayers(context);
  return removed;
}

async function clearMakings(context: MachineContext, libvirt: Libvirt, shelf: string): Promise<void> {
  const files = (await namesIn(shelf)).map(name => /^\.(?:making|failed)-([0-9a-f]+)$/.exec(name)?.[1]);
  const domains = (await libvirt.domains()).map(({ name }) => templateKey(context, name));
  for (const key of new Set([...files, ...domains])) {
    if (key === undefined) continue;
    const lock = await acquireLock({ locks: locksIn(shelf) }, key, { wait: 'fail' }).catch(() => undefined);
    // Somebody is making it right now.
    if (lock === undefined) continue;
    try {
      await libvirt.attempt(['destroy', templateName(context, key)]);
      await clearScratch(context, key);
      for (const left of [makingFolder(shelf, key), failureIn(shelf, key)]) {
        await rm(left, { recursive: true, force: true });
      }
    } finally {
      lock.release();
    }
  }
}

// Clears templates away: what nobody builds on, what is left of makers that died, and marks of sandboxes that are gone.
import { rm } from 'node:fs/promises';
import type { MachineContext, Residue } from '../../../core/backend.ts';
import { isPresent, namesIn } from '../../../platform/files.ts';
import { acquireLock } from '../../../store/lock.ts';
import { isSystem } from '../host.ts';
import { clearLayers } from '../layers.ts';
import { type Libvirt, markOf } from '../virsh.ts';
import { clearMaking, isTemplate, templateKey, templateName } from './make.ts';
import { clearOldScratches } from './scratch.ts';
import { clearShelf, failureIn, locksIn, makingFolder, shelfIn } from './shelf.ts';

/** For when a person asks for room: every template that no sandbox builds on goes, and is named. */
export async function clearTemplates(
  context: MachineContext,
  libvirt: Libvirt,
  living: ReadonlySet<string>,
): Promise<readonly Residue[]> {
  const shelf = shelfIn(context.cache);
  await clearMakings(context, libvirt, shelf);
  await clearOrphans(context, libvirt);
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
      await clearMaking(makingFolder(shelf, key));
      await rm(failureIn(shelf, key), { force: true });
    } finally {
      lock.release();
    }
  }
}

/** Of makers whose store was removed altogether, so that its own commands will not come to it. */
async function clearOrphans(context: MachineContext, libvirt: Libvirt): Promise<void> {
  await clearOldScratches();
  // Other people's folders may be out of sight.
  if (isSystem(libvirt.uri)) return;
  for (const { name } of await libvirt.domains()) {
    if (!isTemplate(name) || templateKey(context, name) !== undefined) continue;
    const mark = await markOf(libvirt, name);
    // Whoever still makes it has this folder.
    if (mark === undefined || (await isPresent(mark.state).catch(() => true))) continue;
    await libvirt.attempt(['destroy', name]);
  }
}

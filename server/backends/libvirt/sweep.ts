// Removes domains: of one sandbox, and those that no living sandbox of this store knows.
import { existsSync } from 'node:fs';
import type { MachineContext, Residue } from '../../core/backend.ts';
import { conditionOf } from './condition.ts';
import { clearEmulators } from './emulatorUsers.ts';
import { knownPlaces } from './far/places.ts';
import { sweepPlace } from './far/sweep.ts';
import { uriOf } from './host.ts';
import { parseOptions } from './options.ts';
import { sandboxOf } from './record.ts';
import { clearTemplates } from './templates/clear.ts';
import { type Libvirt, libvirtAt, markOf } from './virsh.ts';

/** Also of something half made; empty when nothing is left. */
export async function removeDomain(libvirt: Libvirt, name: string): Promise<readonly Residue[]> {
  await libvirt.attempt(['destroy', name], ['undefine', name, '--managed-save', '--nvram']);
  const left = await conditionOf(libvirt, name).catch((error: unknown) => error);
  if (isUnknown(left)) return [];
  const why = left instanceof Error ? `: ${left.message}` : '';
  return [{ what: `the domain ${name}${why}`, path: libvirt.uri }];
}

function isUnknown(left: unknown): boolean {
  return typeof left === 'object' && left !== null && 'kind' in left && left.kind === 'unknown';
}

export async function sweep(
  context: MachineContext,
  living: ReadonlySet<string>,
): Promise<readonly Residue[]> {
  const libvirt = libvirtAt(uriOf(parseOptions(context.options)), context);
  const listed = await libvirt.call(['list', '--all', '--name']).catch(() => undefined);
  // What nobody can ask about stays; the next sweep asks again.
  if (listed === undefined) return [];
  const places = (await knownPlaces(context)).filter(({ uri }) => uri === libvirt.uri);
  const removed: Residue[] = [];
  // Templates are never made elsewhere.
  if (places.length === 0)
    removed.push(...(await clearTemplates(context, libvirt, living)), ...(await clearEmulators()));
  for (const name of listed.split('\n')) {
    const id = sandboxOf(context, name.trim());
    if (id === undefined || living.has(id)) continue;
    const mark = await markOf(libvirt, name);
    if (mark?.store !== context.storeId || mark.id !== id) continue;
    // Whoever still has its folder removes it by destroying the sandbox.
    if (existsSync(mark.state)) continue;
    const residues = await removeDomain(libvirt, name);
    for (const { what } of residues) context.log(`could not remove ${what}`);
    if (residues.length === 0) removed.push({ what: 'a machine without a sandbox', path: name });
  }
  // After the machines that use them.
  for (const place of places) removed.push(...(await sweepPlace(context, { libvirt, place, living })));
  return removed;
}

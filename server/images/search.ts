// Looks for disks of known bases where other tools of this machine keep theirs, before anything is downloaded.
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { isAbsence } from '../platform/files.ts';
import type { Settings } from '../store/settings.ts';
import type { Base } from './bases.ts';

/** Where libvirt and its tools keep disks, and the person's own folder. */
function usualFolders(): readonly string[] {
  return [
    '/var/lib/libvirt/images',
    '/var/lib/libvirt/boot',
    '/home/libvirt/images',
    join(homedir(), '.local/share/libvirt/images'),
  ];
}

export function searchFolders({ images }: Settings): readonly string[] {
  return images.search ?? usualFolders();
}

/** A file under the name that its vendor gave it, or under the name of the base; undefined when there is none. */
export async function searchDisk(settings: Settings, base: Base): Promise<string | undefined> {
  const plain = base.name.replace(':', '-');
  const names = [basename(new URL(base.url).pathname), `${plain}.qcow2`, `${plain}.img`];
  for (const folder of searchFolders(settings)) {
    for (const name of names) {
      const path = join(folder, name);
      if (await isTrusted(path)) return path;
    }
  }
  return undefined;
}

/** What somebody else can write to is nobody's base. */
async function isTrusted(path: string): Promise<boolean> {
  try {
    const state = await stat(path);
    return state.isFile() && state.size > 0 && (state.mode & 0o002) === 0;
  } catch (error) {
    if (isAbsence(error) || (error instanceof Error && 'code' in error && error.code === 'EACCES'))
      return false;
    throw error;
  }
}

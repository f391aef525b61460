// Programs of this machine that ask the libvirt of another one.
import { globSync, readFileSync } from 'node:fs';

/** The command lines of virsh and of what starts it, with these words in them. */
export function programsFor(words: string): readonly string[] {
  return globSync('/proc/[0-9]*/cmdline').flatMap(path => {
    try {
      const line = readFileSync(path, 'utf8').replaceAll('\0', ' ');
      return /virsh/.test(line) && line.includes(words) ? [line] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

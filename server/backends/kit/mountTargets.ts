// Where in a guest a person's mounts may not lie: what the system and the guest program need is never covered.
import { fail } from '../../core/errors.ts';

/** Fails with `usage` for a path that is not clean or that the guest needs for itself. */
export function refuseTarget(target: string): void {
  const clean = target.startsWith('/') && !/\/\.{0,2}(\/|$)/.test(target);
  const covered = ownTrees.some(tree => target === tree || target.startsWith(`${tree}/`));
  if (clean && !covered && !ownFolders.includes(target)) return;
  fail('usage', `${target} cannot be a mount point in a sandbox`, {
    hint: clean
      ? 'choose a folder that the system does not use, such as /data'
      : 'give an absolute path without dots, double or closing slashes',
  });
}

/** Not even in parts. */
const ownTrees = [
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/proc',
  '/sbin',
  '/sys',
  '/usr',
  '/opt/heyvm',
];

/** These may hold mounts but cannot be covered as a whole. */
const ownFolders = ['/', '/home', '/home/dev', '/opt', '/run', '/tmp', '/var', '/var/run', '/var/tmp'];

// Where in a guest something may be shown: what the system and the guest program need is never covered.

/** An absolute path without dots, double or closing slashes. */
export function isCleanTarget(target: string): boolean {
  return target.startsWith('/') && !/\/\.{0,2}(\/|$)/.test(target);
}

export function isFreeTarget(target: string): boolean {
  const covered = ownTrees.some(tree => target === tree || target.startsWith(`${tree}/`));
  return isCleanTarget(target) && !covered && !ownFolders.includes(target);
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

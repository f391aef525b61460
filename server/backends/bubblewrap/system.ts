// Looks at the host: what its system is made of, which of it guests may see, and where programs are.
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
} from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { isKnownArch } from '../kit/seccomp.ts';
import { sharedEtc, sharedEtcPatterns } from './etc.ts';
import type { HostFacts, RuntimeFolder, TopEntry } from './plan.ts';

/** Undefined on a processor without a filter of ours. */
export function readHost(found: {
  bwrap: string;
  agent: string;
  runtimeFolders: readonly RuntimeFolder[];
}): HostFacts | undefined {
  if (!isKnownArch(process.arch)) return undefined;
  return {
    ...found,
    arch: process.arch,
    kernel: release(),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    top: topEntries(),
    etc: etcEntries(),
    masks: maskedEntries(),
    shell: existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh',
    resolv: readIfPossible('/etc/resolv.conf'),
    nesting: canForbidNesting(readFileSync('/proc/self/mountinfo', 'utf8')) ? 'forbidden' : 'filtered',
  };
}

/** Looks in the folders of the system alone, so that no folder of a person decides what runs on the host. */
export function findProgram(name: string): string | undefined {
  return systemFolders.map(folder => join(folder, name)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absence and a missing permission are the same answer here.
    return false;
  }
}

/** The sysctl that bubblewrap sets for this is written through the host's /proc. */
export function canForbidNesting(mountinfo: string): boolean {
  return !mountinfo.split('\n').some(line => {
    const [, , , , folder = '', options = ''] = line.split(' ');
    return (folder === '/proc' || folder === '/proc/sys') && options.split(',').includes('ro');
  });
}

const systemFolders = [
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/run/current-system/sw/bin',
];

function topEntries(): TopEntry[] {
  return ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'].flatMap(path => {
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry === undefined) return [];
    return [entry.isSymbolicLink() ? { path, link: readlinkSync(path) } : { path }];
  });
}

function etcEntries(): string[] {
  const patterned = readdirSync('/etc').filter(name => sharedEtcPatterns.some(pattern => pattern.test(name)));
  return [...sharedEtc, ...patterned].map(name => `/etc/${name}`).filter(isSafeToShow);
}

/** A link may lead within the system's own folders, and nowhere else. */
function isSafeToShow(path: string): boolean {
  try {
    const real = realpathSync(path);
    return ['/etc/', '/usr/', '/run/current-system/', '/nix/store/'].some(tree => real.startsWith(tree));
  } catch {
    // It is absent, or its link leads to nothing.
    return false;
  }
}

const maskedFiles = ['kcore', 'keys', 'key-users', 'latency_stats', 'sched_debug', 'kallsyms'];

const maskedFolders = ['acpi', 'asound', 'driver', 'dynamic_debug', 'fs', 'scsi'];

/**
 * Where root starts it, a guest has root's number, and for many entries of /proc the number is all that the kernel
 * looks at. So whatever only root may read or write is covered, and the kernel's settings are read-only.
 */
function maskedEntries(): HostFacts['masks'] {
  const names = readdirSync('/proc').filter(name => !/^\d/.test(name));
  const files = names.filter(name => maskedFiles.includes(name) || isForRoot(`/proc/${name}`));
  const folders = names.filter(name => maskedFolders.includes(name));
  return [
    { path: '/proc/sys', kind: 'settings' },
    ...files.map(name => ({ path: `/proc/${name}`, kind: 'file' as const })),
    ...folders.map(name => ({ path: `/proc/${name}`, kind: 'folder' as const })),
  ];
}

function isForRoot(path: string): boolean {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined || !entry.isFile()) return false;
  return (entry.mode & 0o222) !== 0 || (entry.mode & 0o004) === 0;
}

function readIfPossible(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Without it a guest knows no name server, which is what the host says as well.
    return undefined;
  }
}

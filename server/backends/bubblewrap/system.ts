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
import { sharedEtc, sharedEtcPatterns } from './etc.ts';
import type { HostFacts, RuntimeFolder, TopEntry } from './plan.ts';
import { isKnownArch } from './seccomp.ts';

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

const masked = {
  file: [
    '/proc/kcore',
    '/proc/keys',
    '/proc/key-users',
    '/proc/latency_stats',
    '/proc/timer_list',
    '/proc/sched_debug',
    '/proc/kallsyms',
  ],
  folder: ['/proc/acpi', '/proc/asound', '/proc/driver', '/proc/fs', '/proc/scsi'],
} as const;

function maskedEntries(): HostFacts['masks'] {
  return (['file', 'folder'] as const).flatMap(kind =>
    masked[kind].filter(path => existsSync(path)).map(path => ({ path, kind })),
  );
}

function readIfPossible(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Without it a guest knows no name server, which is what the host says as well.
    return undefined;
  }
}

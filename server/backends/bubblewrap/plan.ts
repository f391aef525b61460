// Turns a request and the facts of the host into everything that one start of bubblewrap needs; pure.
import type { LaunchRequest } from '../../core/backend.ts';
import { userOf } from '../../core/launch.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import { refuseTarget } from '../kit/mountTargets.ts';
import { seccompFilter } from '../kit/seccomp.ts';
import type { Arch } from '../kit/syscalls.ts';
import { OWN_TASKS } from './cgroups.ts';
import { deviceNames, devicesFolder } from './devices.ts';
import { type GuestFile, guestEtc } from './etc.ts';
import { parseOptions } from './options.ts';

/** A top folder of the host's system: a link into /usr, or a folder of its own on older systems. */
export type TopEntry = { readonly path: string; readonly link?: string };

/** A runtime that is not part of /usr, shown read-only below /opt/heyvm. */
export type RuntimeFolder = { readonly name: string; readonly prefix: string };

/** A file shows nothing, a folder is empty, and settings can be read and not changed. */
export type MaskKind = 'file' | 'folder' | 'settings';

export type HostFacts = {
  readonly arch: Arch;
  /** As uname says it. */
  readonly kernel: string;
  readonly uid: number;
  readonly gid: number;
  readonly top: readonly TopEntry[];
  /** Paths of the host's /etc that guests see as they are. */
  readonly etc: readonly string[];
  /** Entries of /proc that say too much about the host. */
  readonly masks: readonly { readonly path: string; readonly kind: MaskKind }[];
  readonly shell: string;
  readonly resolv: string | undefined;
  /** Whether bubblewrap can forbid further user namespaces; where not, the filter alone does. */
  readonly nesting: 'forbidden' | 'filtered';
  readonly bwrap: string;
  readonly agent: string;
  readonly runtimeFolders: readonly RuntimeFolder[];
};

/** Where guests have the program that serves them. */
export const GUEST_PROGRAM = '/opt/heyvm/guest';

/** Numbers of the descriptors that the launcher is given. */
export const descriptors = { lifeline: 0, arguments: 3, filter: 4, status: 5, listen: 6 } as const;

export type PlanInput = {
  readonly request: LaunchRequest;
  readonly host: HostFacts;
  /** The driver's folder of this sandbox. */
  readonly state: string;
  /** Where the guest program listens, outside of everything that the guest sees. */
  readonly socket: string;
  readonly cgroups: readonly string[];
  /** Whether the driver's folder holds device files for this guest alone. */
  readonly devices: 'copied' | 'shared';
  /** Limits that no control group takes care of. */
  readonly rlimits: { readonly memory?: number; readonly pids?: number };
};

export type LaunchPlan = {
  /** Written into `etcFolder(state)` before the start. */
  readonly files: readonly GuestFile[];
  /** Read by bubblewrap from a descriptor, so that no environment shows in the host's process list. */
  readonly arguments: readonly string[];
  readonly filter: Uint8Array;
  readonly argv: readonly [string, ...string[]];
};

export function planLaunch(input: PlanInput): LaunchPlan {
  const { request, host, state } = input;
  const options = parseOptions(request.options);
  const files = guestEtc({ ...request, ...host });
  return {
    files,
    arguments: [
      ...namespaces(input),
      ...environment(input),
      ...system(input, files),
      ...['--bind', homeFolder(state), userOf(request).home],
      ...request.mounts.flatMap(mountArguments),
      // The last mount: everything above has made its mount points in there.
      ...['--remount-ro', '/', '--chdir', '/workspace'],
    ],
    filter: seccompFilter({ arch: host.arch, debugging: options.debug === true ? 'allowed' : 'denied' }),
    argv: launcher(input),
  };
}

export function homeFolder(state: string): string {
  return `${state}/home`;
}

/** The host's file behind a written file of the guest's /etc. */
export function etcSource(state: string, path: string): string {
  return `${state}/etc/${path.slice('/etc/'.length).replaceAll('/', '_')}`;
}

function mountArguments({ source, target, mode }: Mount): string[] {
  refuseTarget(target);
  return [mode === 'ro' ? '--ro-bind' : '--bind', source, target];
}

function namespaces({ request, host }: PlanInput): string[] {
  return [
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
    ...(request.network === 'open' ? [] : ['--unshare-net']),
    ...(host.nesting === 'forbidden' ? ['--disable-userns'] : []),
    ...['--uid', String(host.uid), '--gid', String(host.gid)],
    ...['--cap-drop', 'ALL', '--die-with-parent', '--new-session'],
    ...['--seccomp', String(descriptors.filter), '--json-status-fd', String(descriptors.status)],
  ];
}

function environment({ request, host }: PlanInput): string[] {
  const { name, home } = userOf(request);
  const folders = [
    ...host.runtimeFolders.map(({ name }) => `/opt/heyvm/${name}/bin`),
    ...[`${home}/.local/bin`, '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  ];
  const values: Record<string, string> = {
    PATH: folders.join(':'),
    HOME: home,
    USER: name,
    LOGNAME: name,
    SHELL: host.shell,
    LANG: 'C.UTF-8',
    WORKSPACE: '/workspace',
    HEYVM_SANDBOX: request.name,
    ...request.env,
  };
  return ['--clearenv', ...Object.entries(values).flatMap(([name, value]) => ['--setenv', name, value])];
}

function system(input: PlanInput, files: readonly GuestFile[]): string[] {
  const { request, host, state } = input;
  const { memory } = request.limits;
  const temporary = (path: string, mode: string): string[] => [
    ...(memory === undefined ? [] : ['--size', String(memory)]),
    ...['--perms', mode, '--tmpfs', path],
  ];
  return [
    ...['--ro-bind', '/usr', '/usr'],
    ...host.top.flatMap(({ path, link }) =>
      link === undefined ? ['--ro-bind', path, path] : ['--symlink', link, path],
    ),
    ...['--perms', '0755', '--dir', '/etc'],
    ...host.etc.flatMap(path => ['--ro-bind', path, path]),
    ...files.flatMap(({ path }) => ['--ro-bind', etcSource(state, path), path]),
    ...['--symlink', '../proc/self/mounts', '/etc/mtab'],
    ...['--proc', '/proc'],
    ...host.masks.flatMap(maskArguments),
    ...['--dev', '/dev', ...ownDevices(input), ...temporary('/dev/shm', '1777'), '--remount-ro', '/dev'],
    ...temporary('/tmp', '1777'),
    ...['--perms', '0755', '--dir', '/var', ...temporary('/var/tmp', '1777')],
    ...[...temporary('/run', '0755'), '--symlink', '../run', '/var/run'],
    ...['--perms', '0755', '--dir', '/home', '--perms', '0755', '--dir', '/opt/heyvm'],
    ...['--ro-bind', host.agent, GUEST_PROGRAM],
    ...host.runtimeFolders.flatMap(({ name, prefix }) => ['--ro-bind', prefix, `/opt/heyvm/${name}`]),
  ];
}

function ownDevices({ devices, state }: PlanInput): string[] {
  if (devices === 'shared') return [];
  return deviceNames.flatMap(name => ['--dev-bind', `${devicesFolder(state)}/${name}`, `/dev/${name}`]);
}

function maskArguments({ path, kind }: HostFacts['masks'][number]): string[] {
  switch (kind) {
    case 'file':
      return ['--ro-bind', '/dev/null', path];
    case 'folder':
      return ['--perms', '0555', '--tmpfs', path, '--remount-ro', path];
    case 'settings':
      return ['--ro-bind', path, path];
  }
}

function launcher(input: PlanInput): [string, ...string[]] {
  const { request, host, socket, cgroups, rlimits } = input;
  const inside = [
    ...[GUEST_PROGRAM, 'serve', '--fd', String(descriptors.listen)],
    ...['--lifeline', String(descriptors.lifeline)],
  ];
  // Counted from within its user namespace, this limit is that of the whole guest and of nothing else.
  const counted =
    rlimits.pids === undefined
      ? []
      : [GUEST_PROGRAM, 'launch', '--rlimit', `NPROC=${rlimits.pids + OWN_TASKS}`, '--'];
  return [
    host.agent,
    'launch',
    ...['--listen', socket, '--listen-fd', String(descriptors.listen)],
    ...cgroups.flatMap(folder => ['--cgroup', folder]),
    // One byte: less than any dump, and the value at which the kernel starts no dump handler on the host.
    ...['--rlimit', 'CORE=1'],
    ...(rlimits.memory === undefined ? [] : ['--rlimit', `DATA=${rlimits.memory}`]),
    ...['--keep-fds', Object.values(descriptors).join(',')],
    '--',
    // The name stands here so that the process list of the host says whose process it is.
    ...[host.bwrap, '--hostname', request.name, '--args', String(descriptors.arguments), '--'],
    ...[...counted, ...inside],
  ];
}

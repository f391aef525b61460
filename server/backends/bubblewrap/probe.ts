// Finds out whether guests can be made on this machine, by making a small one with the real flags.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { DriverContext } from '../../core/backend.ts';
import type { RunResult } from '../../core/ports.ts';
import { type Availability, type Capabilities, runtimes } from '../../protocol/backend.ts';
import { type CgroupHome, findCgroupHomes } from './cgroups.ts';
import { findRuntime } from './runtimes.ts';
import { canForbidNesting, findProgram, isExecutable } from './system.ts';

type ProbeContext = Pick<DriverContext, 'signal' | 'run' | 'agent'>;

export async function probe(context: ProbeContext, ceiling: Capabilities): Promise<Availability> {
  if (process.platform !== 'linux') return { kind: 'unsupported', why: 'bubblewrap needs Linux' };
  const bwrap = findProgram('bwrap');
  if (bwrap === undefined) {
    return { kind: 'missing', what: 'the program bwrap is not installed', fix: 'apt install bubblewrap' };
  }
  const [version, trial] = await Promise.all([versionOf(bwrap, context), tryGuest(bwrap, context)]);
  if (version === undefined || !isNewEnough(version)) {
    const what = `bubblewrap ${version ?? 'of an unknown version'} is too old, 0.8.0 is needed`;
    return { kind: 'missing', what, fix: 'upgrade the package bubblewrap' };
  }
  if (!isExecutable(context.agent)) {
    const what = `the guest program ${context.agent} is missing`;
    return { kind: 'missing', what, fix: 'install heyvm again, or build it with: npm run build' };
  }
  if (trial.code !== 0) return explain(trial);
  return {
    kind: 'ready',
    version,
    capabilities: {
      ...ceiling,
      runtimes: await presentRuntimes(context),
      resources: resourcesOf({ homes: findCgroupHomes(), uid: process.getuid?.() ?? 0, kernel: release() }),
    },
    notes: notes(),
  };
}

/** Pure: what bounds a guest here. Without control groups, limits of processes are what is left. */
export function resourcesOf(host: {
  homes: readonly CgroupHome[];
  uid: number;
  kernel: string;
}): Capabilities['resources'] {
  const has = (controller: CgroupHome['controllers'][number]): boolean =>
    host.homes.some(home => home.controllers.includes(controller));
  return {
    cpus: has('cpu') ? 'hard' : 'none',
    memory: has('memory') ? 'hard' : 'best-effort',
    pids: has('pids') || countsPerNamespace(host) ? 'hard' : 'none',
    wall: 'hard',
  };
}

/** Since Linux 5.14 the number of a user's processes is counted in each user namespace; root is never counted. */
function countsPerNamespace({ uid, kernel }: { uid: number; kernel: string }): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return uid !== 0 && (major > 5 || (major === 5 && minor >= 14));
}

async function versionOf(bwrap: string, { run, signal }: ProbeContext): Promise<string | undefined> {
  const { stdout } = await run([bwrap, '--version'], { signal, timeoutMs: 5_000, accept: 'any' });
  return /(\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1];
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 0 || minor >= 8;
}

/** Without `--clearenv` and the mounts of a person; everything that a machine may forbid is in here. */
function tryGuest(bwrap: string, { run, signal, agent }: ProbeContext): Promise<RunResult> {
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8');
  const namespaces = ['user', 'pid', 'ipc', 'uts', 'cgroup', 'net'].map(name => `--unshare-${name}`);
  const nesting = canForbidNesting(mountinfo) ? ['--disable-userns'] : [];
  const mounts = [
    '--ro-bind',
    '/usr',
    '/usr',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--tmpfs',
    '/tmp',
    '--ro-bind',
    agent,
    '/guest',
  ];
  const flags = [
    '--cap-drop',
    'ALL',
    '--die-with-parent',
    '--new-session',
    '--hostname',
    'trial',
    '--remount-ro',
    '/',
  ];
  return run([bwrap, ...namespaces, ...nesting, ...mounts, ...flags, '--', '/guest', 'version'], {
    signal,
    timeoutMs: 10_000,
    accept: 'any',
  });
}

/** Decided by what the kernel's settings are; bubblewrap's own words are only passed on. */
function explain(trial: RunResult): Availability {
  const said = trial.stderr.trim().split('\n').at(-1) ?? '';
  if (setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return {
      kind: 'missing',
      what: `AppArmor forbids user namespaces to unprivileged programs (${said})`,
      fix: 'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or add an AppArmor profile that grants userns to /usr/bin/bwrap',
    };
  }
  if (setting('/proc/sys/kernel/unprivileged_userns_clone') === '0') {
    return {
      kind: 'missing',
      what: `user namespaces are switched off for unprivileged users (${said})`,
      fix: 'sudo sysctl kernel.unprivileged_userns_clone=1',
    };
  }
  if (setting('/proc/sys/user/max_user_namespaces') === '0') {
    return {
      kind: 'missing',
      what: `no user namespace may be made (${said})`,
      fix: 'sudo sysctl user.max_user_namespaces=15000',
    };
  }
  return {
    kind: 'unsupported',
    why: `bubblewrap cannot make a sandbox here: ${said === '' ? `exit code ${trial.code}` : said}`,
  };
}

async function presentRuntimes({ run, signal }: ProbeContext): Promise<Capabilities['runtimes']> {
  const places = await Promise.all(
    runtimes.map(async runtime => ({ runtime, place: await findRuntime(runtime, run, signal) })),
  );
  return places.filter(({ place }) => place.kind !== 'absent').map(({ runtime }) => runtime);
}

function notes(): string[] {
  return process.getuid?.() === 0
    ? ['heyvm runs as root: the guest has the number of root and none of its privileges']
    : [];
}

function setting(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // The kernel has no such setting.
    return undefined;
  }
}

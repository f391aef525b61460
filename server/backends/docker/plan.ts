// Turns a request and what is known of the engine and the image into the container that is asked for; pure.
import { createHash } from 'node:crypto';
import type { LaunchRequest } from '../../core/backend.ts';
import { userOf } from '../../core/launch.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import type { Facts } from './facts.ts';
import type { Identity } from './identity.ts';
import { type Labels, type Mark, sandboxLabels } from './marks.ts';
import { orderedMounts } from './mounts.ts';
import { parseOptions } from './options.ts';

/** Where guests have the program that serves them, and where that listens. */
export const GUEST_PROGRAM = '/opt/heyvm/guest';
export const GUEST_SOCKET = '/run/heyvm/guest';

/** On top of the engine's own filter, which lets a guest lend the identity of its user and reach the hypervisor. */
const FILTER = '/opt/heyvm/filter';

export type PlanInput = {
  readonly request: LaunchRequest;
  readonly mark: Mark;
  /** The engine's own name of the image. */
  readonly image: string;
  readonly facts: Pick<Facts, 'env' | 'shell'>;
  readonly identity: Identity;
  readonly agent: string;
  /** Folders and files of the driver on this machine. */
  readonly places: Readonly<Record<'home' | 'passwd' | 'group' | 'hosts' | 'filter', string>>;
};

export type Plan = {
  /** The body of the request that makes the container. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Two containers with the same fingerprint are interchangeable. */
  readonly fingerprint: string;
  readonly sandbox: string;
};

export function planContainer(input: PlanInput): Plan {
  const { request, mark, image, identity } = input;
  const body = {
    Image: image,
    Hostname: request.name,
    User: `${identity.uid}:${identity.gid}`,
    WorkingDir: '/workspace',
    Env: environment(input),
    Entrypoint: [GUEST_PROGRAM, 'launch'],
    Cmd: [
      '--filter',
      FILTER,
      '--listen',
      GUEST_SOCKET,
      '--listen-fd',
      '6',
      '--keep-fds',
      '0,1,2,6',
      '--',
      ...server,
    ],
    StopSignal: 'SIGTERM',
    Healthcheck: { Test: ['NONE'] },
    // The kernel's own empty network takes half the time of the one that an engine makes to look the same.
    NetworkDisabled: request.network === 'none',
    OpenStdin: true,
    HostConfig: hostConfig(input),
  };
  const fingerprint = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 32);
  const labels: Labels = { ...sandboxLabels(mark), 'heyvm.plan': fingerprint, 'heyvm.name': request.name };
  return { body: { ...body, Labels: labels }, fingerprint, sandbox: mark.sandbox };
}

const server = [GUEST_PROGRAM, 'serve', '--fd', '6', '--mux'];

/** Far more than builds and servers need, and too few for a loop that only makes processes to take the host along. */
const MOST_TASKS = 16_384;

/** Tasks that count as the guest's and are ours: the guest program's threads, and a multiplexer with a spare. */
const OWN_TASKS = 16;

function environment({ request, facts }: PlanInput): string[] {
  const { PATH: path = USUAL_PATH, ...image } = facts.env;
  const { name, home } = userOf(request);
  const values: Record<string, string> = {
    LANG: 'C.UTF-8',
    ...image,
    PATH: `${home}/.local/bin:${path}`,
    HOME: home,
    USER: name,
    LOGNAME: name,
    SHELL: facts.shell,
    WORKSPACE: '/workspace',
    HEYVM_SANDBOX: request.name,
    ...request.env,
  };
  return Object.entries(values).map(([name, value]) => `${name}=${value}`);
}

const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function hostConfig(input: PlanInput): Readonly<Record<string, unknown>> {
  const { request, identity } = input;
  const { runtime } = parseOptions(request.options);
  return {
    Mounts: mounts(input).map(mountEntry),
    Tmpfs: temporary(input),
    NetworkMode: request.network === 'none' ? 'none' : 'bridge',
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    ReadonlyRootfs: true,
    Privileged: false,
    IpcMode: 'private',
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'none' },
    // One byte: less than any dump, and the value at which the kernel starts no dump handler on the host.
    Ulimits: [{ Name: 'core', Soft: 1, Hard: 1 }],
    ShmSize: request.limits.memory ?? SHARED_MEMORY,
    ...resources(request),
    ...(identity.userns === undefined ? {} : { UsernsMode: identity.userns }),
    ...(runtime === undefined ? {} : { Runtime: runtime }),
  };
}

/** Browsers and databases want more than the 64 MiB that engines give; none of it is used until it is written. */
const SHARED_MEMORY = 1024 ** 3;

function resources({ limits }: LaunchRequest): Readonly<Record<string, number>> {
  const { memory, cpus, pids } = limits;
  return {
    ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    PidsLimit: pids === undefined ? MOST_TASKS : pids + OWN_TASKS,
  };
}

function mounts({ request, places, agent }: PlanInput): readonly Mount[] {
  const hosts: Mount = { source: places.hosts, target: '/etc/hosts', mode: 'ro' };
  return [
    { source: agent, target: GUEST_PROGRAM, mode: 'ro' },
    { source: places.filter, target: FILTER, mode: 'ro' },
    { source: places.passwd, target: '/etc/passwd', mode: 'ro' },
    { source: places.group, target: '/etc/group', mode: 'ro' },
    // With a network the engine writes this file.
    ...(request.network === 'none' ? [hosts] : []),
    { source: places.home, target: userOf(request).home, mode: 'rw' },
    ...orderedMounts(request.mounts),
  ];
}

/** A mount whose source is missing is refused by the engine; the older form would make a folder instead. */
function mountEntry({ source, target, mode }: Mount): Readonly<Record<string, unknown>> {
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: mode === 'ro',
    BindOptions: { Propagation: 'rprivate' },
  };
}

/** Half of the memory, so that a full folder is told as such before the guest runs out of memory as a whole. */
function temporary({ request, identity }: PlanInput): Readonly<Record<string, string>> {
  const { memory } = request.limits;
  const size = memory === undefined ? '' : `,size=${Math.floor(memory / 2)}`;
  const own = `uid=${identity.uid},gid=${identity.gid}`;
  return {
    '/tmp': `rw,exec,nosuid,nodev,mode=1777${size}`,
    '/var/tmp': `rw,exec,nosuid,nodev,mode=1777${size}`,
    '/run': `rw,noexec,nosuid,nodev,mode=0755,${own}${size}`,
    '/run/heyvm': `rw,noexec,nosuid,nodev,mode=0700,${own},size=1048576`,
  };
}

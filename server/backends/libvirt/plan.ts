// Turns a request and the facts of the host into one machine: its hardware, what it is shown, and who it is; pure.
import type { LaunchRequest } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import type { StoredImage } from '../../core/image.ts';
import { userOf } from '../../core/launch.ts';
import type { SshKey } from '../../platform/sshKey.ts';
import type { Mount } from '../../protocol/sandbox.ts';
import type { GuestSetup } from '../../wire/setup.ts';
import { refuseTarget } from '../kit/mountTargets.ts';
import { type Accelerator, type Boot, type Machine, SHARE_TAG } from './domain.ts';
import { parseOptions } from './options.ts';
import type { Places } from './places.ts';
import type { MachineRecord } from './record.ts';

export type HostFacts = {
  readonly accelerator: Accelerator;
  readonly emulator: string;
  /** Whom QEMU has to run as; absent where libvirt runs as the person already. */
  readonly runAs?: { readonly uid: number; readonly gid: number } | undefined;
  readonly unconfined?: readonly string[];
};

export type PlanInput = {
  readonly request: LaunchRequest;
  readonly record: MachineRecord;
  readonly image: StoredImage;
  readonly places: Places;
  readonly storeId: string;
  readonly state: string;
  readonly host: HostFacts;
  /** Of the ssh server that the image brings along. */
  readonly hostKey?: SshKey | undefined;
};

/** What the emulator composes before it becomes QEMU. */
export type StagePlan = {
  readonly root: string;
  /** A file of system calls that QEMU is denied. */
  readonly filter: string;
  readonly binds: readonly { readonly from: string; readonly to: string; readonly mode: 'ro' | 'rw' }[];
};

export type MachinePlan = {
  readonly machine: Machine;
  readonly stage: StagePlan;
  /** What is served over SFTP where QEMU does not share it. */
  readonly served: StagePlan;
  readonly diskBytes: number | undefined;
  /** Without clock and entropy, which are of the moment in which it is told. */
  readonly setup: GuestSetup;
};

const MIB = 1024 * 1024;
const DEFAULT_MEMORY = 1024 * MIB;
/** Their systems do many things at once while they come up. */
const VENDOR_PROCESSORS = 2;
/** What the machine's own kernel takes before the first program of a person runs. */
const KERNEL_MEMORY_MIB = 96;

export function planMachine(input: PlanInput): MachinePlan {
  const { request, record, places, host, image } = input;
  for (const { target } of request.mounts) refuseTarget(target);
  refuseMissingRuntime(request, image);
  const heyvm = image.manifest.init === 'heyvm';
  const shared = parseOptions(request.options).workspace !== 'reverse-sftp';
  const stage = stageOf(request.mounts, places);
  return {
    machine: {
      name: record.name,
      uuid: record.uuid,
      id: request.id,
      storeId: input.storeId,
      state: input.state,
      arch: 'x86_64',
      ...host,
      memoryMiB: memoryMiB(request),
      processors: Math.max(1, Math.ceil(request.limits.cpus ?? (heyvm ? 1 : VENDOR_PROCESSORS))),
      boot: heyvm ? kernelBoot(image) : { kind: 'firmware' },
      disk: places.disk,
      seed: heyvm ? undefined : places.seed,
      network: request.network === 'open' ? 'open' : 'none',
      port: places.port,
      console: places.console,
      share: { folder: places.stage, plan: places.stagePlan },
      shared: shared ? 'over 9p' : 'not',
    },
    // What QEMU does not share, it is not shown.
    stage: shared ? stage : { ...stage, binds: [] },
    served: stage,
    diskBytes: request.limits.disk,
    setup: setupOf(input),
  };
}

/** The limit is for the programs inside; the kernel's own share comes on top where one is asked for. */
function memoryMiB({ limits }: LaunchRequest): number {
  if (limits.memory === undefined) return DEFAULT_MEMORY / MIB;
  return Math.ceil(limits.memory / MIB) + KERNEL_MEMORY_MIB;
}

function refuseMissingRuntime({ runtime }: LaunchRequest, { name, manifest }: StoredImage): void {
  if (manifest.runtimes.includes(runtime)) return;
  fail('runtime-missing', `the image ${name} has no ${runtime}`, {
    hint: `choose an image with it, see heyvm images list, or build one with heyvm images build`,
  });
}

function kernelBoot(image: StoredImage): Boot {
  const kernel = image.file('kernel');
  const initrd = image.file('initrd');
  if (kernel === undefined || initrd === undefined) {
    return fail('image-broken', `the image ${image.name} has no kernel to boot with`, {
      hint: 'build or bootstrap it again',
    });
  }
  const commandLine = [
    'console=ttyS0',
    'quiet',
    // A kernel that cannot go on ends the machine, which is noticed, instead of standing still.
    'panic=-1',
    'net.ifnames=0',
    // The kernel tries each of its ciphers on itself, which without KVM takes a fifteenth of a boot.
    'cryptomgr.notests',
    'heyvm.root=/dev/vda',
  ];
  return { kind: 'kernel', kernel, initrd, commandLine: commandLine.join(' ') };
}

/** Every mount at its own path below the root, in the order in which later ones cover earlier ones. */
function stageOf(mounts: readonly Mount[], { stage: root, stageFilter: filter }: Places): StagePlan {
  return {
    root,
    filter,
    binds: mounts.map(({ source, target, mode }) => ({ from: source, to: target, mode })),
  };
}

function setupOf({ request, image, record, hostKey }: PlanInput): GuestSetup {
  const { uid, gid } = request.owner;
  const asRoot = uid === 0;
  const root = { name: 'root', home: '/root' };
  const user = asRoot && request.user === undefined ? root : userOf(request);
  const { config } = image.manifest;
  return {
    hostname: request.name,
    machine_id: record.uuid.replaceAll('-', ''),
    user: { ...user, uid, gid },
    shares: [{ tag: SHARE_TAG, kind: '9p', at: SHARE }],
    binds: outermost(request.mounts).map(({ target, mode }) => ({
      from: `${SHARE}${target}`,
      to: target,
      mode,
    })),
    ...(request.network === 'open' ? { network: { ...USER_NETWORK, mac: macOf(record) } } : {}),
    ...(hostKey === undefined
      ? {}
      : { ssh_host_key: { private: hostKey.pem, public: `${hostKey.publicLine} heyvm` } }),
    env: {
      LANG: 'C.UTF-8',
      ...config.env,
      WORKSPACE: '/workspace',
      HEYVM_SANDBOX: request.name,
      ...request.env,
    },
    workdir: '/workspace',
  };
}

const SHARE = '/run/heyvm/share';

/** What QEMU's user network gives to the one machine that is on it. */
const USER_NETWORK = { address: '10.0.2.15/24', gateway: '10.0.2.2', dns: ['10.0.2.3'] };

/**
 * Machines that were resumed from one template have a card with the same address. This is the machine's own, of those
 * that nobody gives out.
 */
function macOf({ uuid }: MachineRecord): string {
  const bytes = uuid.slice(-10).match(/../g) ?? [];
  return ['02', ...bytes].join(':');
}

/** What lies inside another mount comes along with it; what may be written there, QEMU decides. */
function outermost(mounts: readonly Mount[]): readonly { target: string; mode: 'ro' | 'rw' }[] {
  const targets = [...new Set(mounts.map(({ target }) => target))];
  return targets
    .filter(target => !targets.some(other => target.startsWith(`${other}/`)))
    .map(target => {
      const inside = mounts.filter(mount => mount.target === target || mount.target.startsWith(`${target}/`));
      return { target, mode: inside.every(({ mode }) => mode === 'ro') ? 'ro' : 'rw' };
    });
}

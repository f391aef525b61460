// The description of one machine in libvirt's own language; pure.
import { renderXml, type XmlNode } from './xml.ts';

/** Marks a domain as ours; never resolved, only compared. */
export const NAMESPACE = 'urn:heyvm:libvirt:1';

export type Accelerator = 'kvm' | 'tcg';

/** How the machine begins: with a kernel of our own, or by the firmware from its disk. */
export type Boot =
  | {
      readonly kind: 'kernel';
      readonly kernel: string;
      readonly initrd: string;
      readonly commandLine: string;
    }
  | { readonly kind: 'firmware' };

export type Machine = {
  readonly name: string;
  readonly uuid: string;
  readonly id: string;
  readonly storeId: string;
  /** The driver's folder of the sandbox; when it is gone, nobody knows the machine any more. */
  readonly state: string;
  readonly arch: 'x86_64';
  readonly accelerator: Accelerator;
  readonly memoryMiB: number;
  readonly processors: number;
  readonly boot: Boot;
  readonly disk: string;
  /** An ISO image that a vendor's system configures itself from. */
  readonly seed?: string | undefined;
  readonly network: 'none' | 'open';
  /** Where the host talks to the guest program; libvirt chooses a place where it is left out. */
  readonly port?: string | undefined;
  /** Where the console is written; whoever wants it asks libvirt for it where it is left out. */
  readonly console?: string | undefined;
  readonly emulator: string;
  /** The empty folder on which our emulator composes what the guest sees, and the plan for it; QEMU itself has none. */
  readonly share?: { readonly folder: string; readonly plan: string } | undefined;
  /** Whether QEMU shares that folder with the guest. */
  readonly shared: 'over 9p' | 'not';
  /** Whom QEMU runs as where libvirt itself is root. */
  readonly runAs?: { readonly uid: number; readonly gid: number } | undefined;
  /** Security models besides ownership that would keep QEMU from files below a home. */
  readonly unconfined?: readonly string[] | undefined;
  /** Passed to QEMU as they are. */
  readonly qemuArguments?: readonly string[] | undefined;
};

type Share = NonNullable<Machine['share']>;

/** One on this host, with all that leads to it. */
export type NearMachine = Machine & {
  readonly port: string;
  readonly console: string;
  readonly share: Share;
};

/** The tag by which the guest finds what is shared with it. */
export const SHARE_TAG = 'heyvm';
export const PORT_NAME = 'heyvm.0';

export function renderDomain(machine: Machine): string {
  const { accelerator, memoryMiB, processors } = machine;
  return renderXml({
    name: 'domain',
    attributes: {
      type: accelerator === 'kvm' ? 'kvm' : 'qemu',
      'xmlns:qemu': 'http://libvirt.org/schemas/domain/qemu/1.0',
    },
    children: [
      { name: 'name', text: machine.name },
      { name: 'uuid', text: machine.uuid },
      { name: 'metadata', children: [mark(machine)] },
      { name: 'memory', attributes: { unit: 'MiB' }, text: String(memoryMiB) },
      { name: 'vcpu', text: String(processors) },
      operatingSystem(machine),
      features(accelerator),
      { name: 'cpu', attributes: { mode: accelerator === 'kvm' ? 'host-passthrough' : 'maximum' } },
      { name: 'clock', attributes: { offset: 'utc' } },
      // A machine that starts over by itself would come back without anything of the host.
      ...['on_poweroff', 'on_reboot', 'on_crash'].map(name => ({ name, text: 'destroy' })),
      { name: 'devices', children: devices(machine) },
      ...labels(machine),
      ...(machine.share === undefined ? [] : [commandLine(machine, machine.share), withoutQuestions]),
    ],
  });
}

function commandLine({ qemuArguments = [] }: Machine, { plan }: Share): XmlNode {
  return {
    name: 'qemu:commandline',
    children: [
      ...qemuArguments.map(value => ({ name: 'qemu:arg', attributes: { value } })),
      { name: 'qemu:env', attributes: { name: 'HEYVM_STAGE', value: plan } },
    ],
  };
}

/**
 * With this libvirt asks QEMU about each of four hundred features of the processor, one after the other, at every start,
 * which takes longer than QEMU needs to start. Without it libvirt asks for all of them at once.
 */
const withoutQuestions: XmlNode = {
  name: 'qemu:capabilities',
  children: [{ name: 'qemu:del', attributes: { capability: 'cpu-unavailable-features' } }],
};

function mark({ id, storeId, state }: Machine): XmlNode {
  return { name: 'heyvm:sandbox', attributes: { 'xmlns:heyvm': NAMESPACE, id, store: storeId, state } };
}

function operatingSystem({ arch, boot }: Machine): XmlNode {
  const children: XmlNode[] = [{ name: 'type', attributes: { arch, machine: 'q35' }, text: 'hvm' }];
  if (boot.kind === 'kernel') {
    children.push(
      { name: 'kernel', text: boot.kernel },
      { name: 'initrd', text: boot.initrd },
      { name: 'cmdline', text: boot.commandLine },
    );
  } else {
    children.push({ name: 'boot', attributes: { dev: 'hd' } });
  }
  return { name: 'os', children };
}

function features(accelerator: Accelerator): XmlNode {
  // By default the translated code of one small guest may grow to a gigabyte on the host.
  const cache: XmlNode = {
    name: 'tcg',
    children: [{ name: 'tb-cache', attributes: { unit: 'MiB' }, text: '256' }],
  };
  return { name: 'features', children: [{ name: 'acpi' }, ...(accelerator === 'tcg' ? [cache] : [])] };
}

/** Of the devices on the first bus. */
const slots = { disk: 2, seed: 3, share: 4, network: 5, ports: 6, randomness: 7 } as const;

/**
 * Left to choose, libvirt puts a bridge before each device, so that it could be taken out while the machine runs. Nobody
 * does that here, and a kernel that boots without KVM takes a fifth of a second to find what is behind them.
 */
function at(device: keyof typeof slots): XmlNode {
  const slot = slots[device];
  return { name: 'address', attributes: { type: 'pci', domain: 0, bus: 0, slot, function: 0 } };
}

function devices(machine: Machine): XmlNode[] {
  return [
    { name: 'emulator', text: machine.emulator },
    disk({ format: 'qcow2', file: machine.disk, device: 'vda', access: 'rw' }),
    ...(machine.seed === undefined
      ? []
      : [disk({ format: 'raw', file: machine.seed, device: 'vdb', access: 'ro' })]),
    { name: 'controller', attributes: { type: 'usb', model: 'none' } },
    ...(machine.shared === 'not' || machine.share === undefined ? [] : [sharedFolder(machine.share)]),
    ...(machine.network === 'open' ? [userNetwork] : []),
    { name: 'controller', attributes: { type: 'virtio-serial', index: 0 }, children: [at('ports')] },
    serial(machine.console),
    {
      name: 'channel',
      attributes: { type: 'unix' },
      children: [
        { name: 'source', attributes: { mode: 'bind', path: machine.port } },
        { name: 'target', attributes: { type: 'virtio', name: PORT_NAME } },
      ],
    },
    {
      name: 'rng',
      attributes: { model: 'virtio' },
      children: [
        { name: 'backend', attributes: { model: 'random' }, text: '/dev/urandom' },
        at('randomness'),
      ],
    },
    { name: 'memballoon', attributes: { model: 'none' } },
  ];
}

function serial(path: string | undefined): XmlNode {
  const source: XmlNode = { name: 'source', attributes: { path, append: 'on' } };
  return {
    name: 'serial',
    attributes: { type: path === undefined ? 'pty' : 'file' },
    children: [...(path === undefined ? [] : [source]), { name: 'target', attributes: { port: 0 } }],
  };
}

function sharedFolder({ folder }: Share): XmlNode {
  return {
    name: 'filesystem',
    // Files that the guest makes belong to whom QEMU runs as, with their real modes and links.
    attributes: { type: 'mount', accessmode: 'squash', multidevs: 'remap' },
    children: [
      { name: 'source', attributes: { dir: folder } },
      { name: 'target', attributes: { dir: SHARE_TAG } },
      at('share'),
    ],
  };
}

type Disk = { format: 'qcow2' | 'raw'; file: string; device: string; access: 'ro' | 'rw' };

function disk({ format, file, device, access }: Disk): XmlNode {
  const writable = access === 'rw';
  return {
    name: 'disk',
    attributes: { type: 'file', device: 'disk' },
    children: [
      {
        name: 'driver',
        attributes: {
          name: 'qemu',
          type: format,
          // The home of a sandbox lies here and has to survive a loss of power, so flushes are passed on.
          cache: 'writeback',
          // A full disk of the host stops the machine with that as its reason, instead of breaking its file system.
          error_policy: writable ? 'enospace' : undefined,
          discard: writable ? 'unmap' : undefined,
        },
      },
      { name: 'source', attributes: { file } },
      { name: 'target', attributes: { dev: device, bus: 'virtio' } },
      ...(writable ? [] : [{ name: 'readonly' }]),
      at(writable ? 'disk' : 'seed'),
    ],
  };
}

/** Addresses are those of QEMU's own user network, the same in every guest. */
const userNetwork: XmlNode = {
  name: 'interface',
  attributes: { type: 'user' },
  children: [
    { name: 'mac', attributes: { address: '52:54:00:68:76:01' } },
    { name: 'model', attributes: { type: 'virtio' } },
    { name: 'rom', attributes: { enabled: 'no' } },
    at('network'),
  ],
};

function labels({ runAs, unconfined = [] }: Machine): XmlNode[] {
  const owner: XmlNode[] =
    runAs === undefined
      ? []
      : [
          {
            name: 'seclabel',
            attributes: { type: 'static', model: 'dac', relabel: 'yes' },
            children: [{ name: 'label', text: `+${runAs.uid}:+${runAs.gid}` }],
          },
        ];
  return [...owner, ...unconfined.map(model => ({ name: 'seclabel', attributes: { type: 'none', model } }))];
}

// What a libvirt and the machine behind it are like, as far as machines of ours depend on it.
import type { LaunchRequest, MachineContext } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import { askKvm } from './accelerator.ts';
import type { Accelerator } from './domain.ts';
import { findQemu, prepareEmulator } from './emulator.ts';
import type { EmulatorUser } from './emulatorUsers.ts';
import { DEFAULT_URI, type Options } from './options.ts';
import type { HostFacts } from './plan.ts';
import { type Libvirt, saidBy } from './virsh.ts';
import { findElements } from './xml.ts';

export function uriOf({ connect }: Options): string {
  return connect ?? DEFAULT_URI;
}

/** Root has no libvirt of its own: its session is that of the system. */
export function isSystem(uri: string): boolean {
  return process.getuid?.() === 0 || new URL(uri).pathname.startsWith('/system');
}

export type HostWish = {
  readonly owner: LaunchRequest['owner'];
  readonly options: Options;
  /** The machine that is to run there. */
  readonly user: EmulatorUser;
};

export async function readHost(
  context: MachineContext,
  libvirt: Libvirt,
  { owner, options, user }: HostWish,
): Promise<HostFacts> {
  const qemu = needQemu();
  const system = isSystem(libvirt.uri);
  const emulator = await prepareEmulator(context, qemu, system ? 'system' : 'person', user);
  return {
    emulator,
    accelerator: await chooseAccelerator(context, qemu, options),
    ...(system ? { runAs: owner, unconfined: await otherModels(libvirt) } : {}),
  };
}

export async function chooseAccelerator(
  context: MachineContext,
  qemu: string,
  { accelerator }: Options,
): Promise<Accelerator> {
  if (accelerator === 'tcg') return 'tcg';
  const answer = await askKvm(context, qemu);
  if (answer.kind === 'works') return 'kvm';
  if (accelerator !== 'kvm') return 'tcg';
  return fail('backend-missing', `KVM does not work here: ${answer.why}`, {
    hint: 'join the group kvm and switch virtualization on in the firmware, or leave out the option accelerator',
  });
}

export function needQemu(): string {
  return (
    findQemu() ?? fail('backend-missing', 'QEMU is not installed', { hint: 'apt install qemu-system-x86' })
  );
}

/** Undefined when it sees the files of this machine; else why a machine of ours cannot run there. */
export async function strangerReason(libvirt: Libvirt, emulator: string): Promise<string | undefined> {
  const result = await libvirt.attempt([
    'domcapabilities',
    ...['--emulatorbin', emulator, '--arch', 'x86_64', '--machine', 'q35', '--virttype', 'qemu'],
  ]);
  return result.code === 0 ? undefined : saidBy(result);
}

/** Ownership aside, which is given per machine. */
async function otherModels(libvirt: Libvirt): Promise<string[]> {
  const models = findElements(await libvirt.call(['capabilities']), 'model').map(({ text }) => text);
  return ['apparmor', 'selinux'].filter(model => models.includes(model));
}

// Whether a libvirt is that of another machine, and what machines can be there: asked of it, and not read from its address.

import type { MachineContext } from '../../../core/backend.ts';
import { fail } from '../../../core/errors.ts';
import { findQemu, withEmulator } from '../emulator.ts';
import { clearEmulators } from '../emulatorUsers.ts';
import { isSystem, strangerReason } from '../host.ts';
import type { Options } from '../options.ts';
import type { HostFacts } from '../plan.ts';
import { type Libvirt, saidBy } from '../virsh.ts';
import { findElements } from '../xml.ts';
import { namesHost } from './address.ts';

/** Whether it sees no files of this machine. One whose address names no host is of this machine in any case. */
export async function isFar(context: MachineContext, libvirt: Libvirt): Promise<boolean> {
  if (!namesHost(libvirt.uri)) return false;
  const qemu = findQemu();
  if (qemu === undefined) return true;
  const audience = isSystem(libvirt.uri) ? 'system' : 'person';
  let far = true;
  try {
    const why = await withEmulator(context, qemu, audience, emulator => strangerReason(libvirt, emulator));
    far = why !== undefined;
    return far;
  } finally {
    // It was there for this question alone, unless machines of this host use it.
    if (far && audience === 'system') await clearEmulators();
  }
}

export type FarFacts = HostFacts & { readonly whyEmulated?: string };

/** Its emulator, and whether libvirt there offers KVM with it; a start that fails with KVM is repeated without. */
export async function readFarHost(libvirt: Libvirt, { accelerator }: Options): Promise<FarFacts> {
  const ask = (type: string) =>
    libvirt.attempt(['domcapabilities', '--virttype', type, '--arch', 'x86_64', '--machine', 'q35']);
  const kvm = accelerator === 'tcg' ? undefined : await ask('kvm');
  if (kvm?.code === 0) return { accelerator: 'kvm', emulator: emulatorIn(kvm.stdout) };
  if (kvm !== undefined && accelerator === 'kvm') {
    fail('backend-missing', `KVM does not work there: ${saidBy(kvm)}`, {
      hint: 'leave out the option accelerator',
    });
  }
  const plain = await ask('qemu');
  if (plain.code !== 0) {
    fail('backend-missing', `libvirt at ${libvirt.uri} has no QEMU for x86_64: ${saidBy(plain)}`, {
      hint: 'install it on that machine: apt install qemu-system-x86',
    });
  }
  const whyEmulated =
    kvm === undefined ? 'the settings ask for it' : `KVM does not work there: ${saidBy(kvm)}`;
  return { accelerator: 'tcg', emulator: emulatorIn(plain.stdout), whyEmulated };
}

function emulatorIn(xml: string): string {
  return (
    findElements(xml, 'path')[0]?.text ??
    fail('command-failed', 'libvirt there does not say where its QEMU is')
  );
}

/** What a machine elsewhere cannot do, by the name of what was asked for. */
export function refuseFar(what: string): never {
  return fail(
    'unsupported',
    `${what}: this sandbox runs on another host, which has no files of this machine`,
    {
      hint: 'use a libvirt of this machine, such as qemu:///session',
    },
  );
}

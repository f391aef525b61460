// A libvirt that cannot be reached: which one it is, and what a person does about it.
import { fail } from '../../core/errors.ts';

export function refuseAway(uri: string, said: string): never {
  const why = said.replace(/^failed to connect to the hypervisor: /, '');
  fail('backend-missing', `libvirt at ${uri} does not answer: ${why}`, { hint: fixFor(uri) });
}

function fixFor(uri: string): string {
  if (process.getuid?.() === 0 && uri.startsWith('qemu:///')) {
    return 'start the libvirt of the system (systemctl start libvirtd), or run heyvm as an ordinary user';
  }
  if (uri.startsWith('qemu:///session')) return 'apt install libvirt-daemon libvirt-daemon-driver-qemu';
  if (uri.startsWith('qemu:///') && !uri.startsWith('qemu:///system'))
    return 'QEMU has the connections qemu:///session and qemu:///system';
  if (uri.startsWith('qemu:///'))
    return 'start it (systemctl start libvirtd), and join its group: sudo usermod -aG libvirt $USER';
  return 'check that the machine can be reached, and that its libvirt listens';
}

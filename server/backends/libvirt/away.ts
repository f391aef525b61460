// A libvirt that cannot be reached: which one it is, and what a person does about it.
import { fail } from '../../core/errors.ts';

export function refuseAway(uri: string, said: string): never {
  const why = said.replace(/^failed to connect to the hypervisor: /, '');
  fail('backend-missing', `libvirt at ${uri} does not answer: ${why}`, {
    hint: fixForSsh(uri, why) ?? fixFor(uri),
  });
}

/** What ssh says when it may not ask; it is the same in every language. */
function fixForSsh(uri: string, why: string): string | undefined {
  if (!uri.startsWith('qemu+ssh:')) return undefined;
  const { hostname, username, port } = new URL(uri);
  const by = `ssh ${port === '' ? '' : `-p ${port} `}${username === '' ? '' : `${username}@`}${hostname}`;
  if (/host key verification failed/i.test(why))
    return `connect once by hand and compare the key of that machine, which makes it known: ${by}`;
  if (/permission denied/i.test(why))
    return `ssh may ask for no password here: name a key with IdentityFile under "Host ${hostname}" in ~/.ssh/config or add it with ssh-add, until this works: ${by} -o BatchMode=yes true`;
  if (/could not resolve hostname/i.test(why))
    return `check the name, or give it a HostName under "Host ${hostname}" in ~/.ssh/config`;
  if (/virt-ssh-helper/i.test(why) && /not found/i.test(why))
    return `install libvirt on ${hostname}, at least version 6.8: apt install libvirt-daemon`;
  return undefined;
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

// What of the backend holds on another host, found out by asking for everything that a machine there will need.
import type { MachineContext } from '../../../core/backend.ts';
import type { Availability, Capabilities } from '../../../protocol/backend.ts';
import { DEFAULT_POOL, type Options } from '../options.ts';
import type { Libvirt } from '../virsh.ts';
import { tryStreams } from './connection.ts';
import { readFarHost } from './host.ts';
import { poolOf } from './pool.ts';

export async function probeFar(
  { signal }: MachineContext,
  ceiling: Capabilities,
  { libvirt, options }: { readonly libvirt: Libvirt; readonly options: Options },
): Promise<Availability> {
  if (options.workspace === 'shared') {
    const what = 'a folder of this machine cannot be shared with a machine on another host';
    return { kind: 'missing', what, fix: 'leave out the option workspace' };
  }
  const { accelerator, whyEmulated } = await readFarHost(libvirt, options);
  const pool = options.pool ?? DEFAULT_POOL;
  await poolOf(libvirt, pool).volumes();
  await tryStreams(libvirt.uri);
  signal.throwIfAborted();
  const host = (await libvirt.call(['hostname'])).trim();
  const version = /QEMU (\d\S*)\s*$/.exec((await libvirt.call(['version'])).trim())?.[1] ?? 'unknown';
  const emulated = accelerator === 'tcg';
  return {
    kind: 'ready',
    version: `QEMU ${version}`,
    capabilities: {
      ...ceiling,
      workspace: 'reverse-sftp',
      // Copies would need the files of disks, and prepared machines their memory.
      snapshots: 'none',
      caveats: [...caveats, ...(emulated ? [SLOW] : [])],
      ...(emulated ? { emulated } : {}),
    },
    notes: [
      `${libvirt.uri}, which is the machine ${host}`,
      `disks lie in its storage pool ${pool}`,
      ...(whyEmulated === undefined ? [] : [`QEMU there interprets the processor: ${whyEmulated}`]),
    ],
  };
}

const SLOW = 'Without KVM QEMU interprets the processor: programs inside are about ten times slower';

const caveats = [
  'Its libvirt says as whom QEMU runs there: a flaw in QEMU is a way out to what that user may do on that machine',
  'Whoever administers that machine can read and change the sandbox, and with it the workspace',
  'With network open the guest reaches what that machine reaches, and its loopback services',
  'The workspace comes over SFTP through the connection: each operation takes as long as the network needs',
  'There are no snapshots, no copies and no prepared machines: each start boots',
  'A limit on processors is rounded up to whole ones',
];

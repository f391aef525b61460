// The guest of the measurements in a QEMU that is started by hand: the same kernel and its command line, the same disk,
// processor, memory and devices.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { guestOver } from '../../server/wire/client.ts';
import { muxOver } from '../../server/wire/mux.ts';
import { ciImage, ensureCiDisk } from '../lib/ciImage.ts';
import { command } from '../lib/command.ts';
import { Stop } from '../lib/say.ts';
import type { Store } from './store.ts';

const PORT = 'heyvm.0';

/** Milliseconds from the start to the end of the first program inside. */
export async function bootByHand(store: Store): Promise<number> {
  const files = await filesOf(store);
  const folder = mkdtempSync(join(store.folder, 'q-'));
  const port = join(folder, 'port');
  mkdirSync(join(folder, 'share'));
  const begun = performance.now();
  const disk = join(folder, 'disk.qcow2');
  await command(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', files.disk, disk]);
  const qemu = spawn('qemu-system-x86_64', words({ ...files, disk, port, folder }), { stdio: 'ignore' });
  try {
    const mux = await muxOver(await connected(port), { signal: AbortSignal.timeout(120_000) });
    const child = await guestOver(mux.connect).exec({ argv: ['/bin/true'] });
    child.stdout.resume();
    child.stderr.resume();
    await child.exited;
    const took = performance.now() - begun;
    mux.close();
    return took;
  } finally {
    const ended = once(qemu, 'exit');
    qemu.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

type Files = { readonly kernel: string; readonly initrd: string; readonly disk: string };

async function filesOf({ paths }: Store): Promise<Files> {
  const image = await ensureCiDisk(paths.home);
  if (image.kind !== 'stored') throw new Stop(`${ciImage} is not in the store`);
  const [kernel, initrd, disk] = [image.file('kernel'), image.file('initrd'), image.file('disk')];
  if (kernel === undefined || initrd === undefined || disk === undefined)
    throw new Stop(`${ciImage} has no kernel of its own`);
  return { kernel, initrd, disk };
}

function words({ kernel, initrd, disk, port, folder }: Files & { port: string; folder: string }): string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35', '-cpu', 'max', '-smp', '1'],
    ...['-accel', 'tcg,tb-size=256', '-m', '1024', '-kernel', kernel, '-initrd', initrd],
    ...['-append', `console=ttyS0 quiet panic=-1 net.ifnames=0 cryptomgr.notests heyvm.root=/dev/vda`],
    ...['-serial', `file:${join(folder, 'console')}`],
    ...['-drive', `file=${disk},if=virtio,format=qcow2,cache=writeback,discard=unmap`],
    ...['-fsdev', `local,id=w,path=${join(folder, 'share')},security_model=none,multidevs=remap`],
    ...['-device', 'virtio-9p-pci,fsdev=w,mount_tag=heyvm', '-device', 'virtio-rng-pci'],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=c,path=${port},server=on,wait=off`],
    ...['-device', `virtserialport,chardev=c,name=${PORT}`],
  ];
}

/** The socket is there a moment before somebody listens on it. */
async function connected(path: string): Promise<Socket> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const socket = createConnection({ path, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      if (Date.now() > deadline) throw new Stop('QEMU does not start');
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }
}

// A machine of QEMU's, started by hand: the image of the tests, a shared folder, and the one port to its guest program.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { ciImage, ensureCiStore } from '../../scripts/lib/ciImage.ts';
import { Stop } from '../../scripts/lib/say.ts';
import type { ResolvedImage } from '../../server/core/image.ts';
import { resolveImage } from '../../server/images/resolve.ts';
import { run } from '../../server/platform/run.ts';
import { connect } from '../../server/platform/sockets.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { readSettings } from '../../server/store/settings.ts';
import { guestOver, type RemoteGuest } from '../../server/wire/client.ts';
import { type Mux, muxOver } from '../../server/wire/mux.ts';
import { eventually } from '../support/eventually.ts';
import { guestProgram } from './guestProgram.ts';

export type Machine = {
  readonly guest: RemoteGuest;
  readonly connect: () => Promise<Duplex>;
  /** The other side of the machine's second port, whose name is `other.0`. */
  readonly otherPort: string;
  /** The folder that the machine finds under the tag `stage`. */
  readonly shared: string;
  readonly off: Promise<unknown>;
  console(): Promise<string>;
  /** A new owner comes: after the old one has gone, or at once. */
  reattach(way: 'closed' | 'taken over'): Promise<void>;
  close(): Promise<void>;
};

const PATIENCE_MS = 120_000;

/** A text says why there can be none. */
export async function bootMachine(): Promise<Machine | string> {
  if (process.getuid?.() !== 0) return 'only root can give files in a shared folder to any user';
  if (spawnSync('qemu-system-x86_64', ['--version']).status !== 0)
    return 'qemu-system-x86_64 is not installed';
  let image: ResolvedImage;
  try {
    image = await diskImage();
  } catch (error) {
    if (error instanceof Stop) return error.message;
    throw error;
  }
  const home = await mkdtemp('/tmp/heyvm-machine-');
  await mkdir(join(home, 'shared'));
  const program = spawn('qemu-system-x86_64', argumentsFor(image, home), {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const off = once(program, 'exit');
  try {
    return await attach(home, program, off);
  } catch (error) {
    await end(home, program, off);
    throw error;
  }
}

async function attach(home: string, program: ChildProcess, off: Promise<unknown>): Promise<Machine> {
  const port = join(home, 'port');
  const open = async (): Promise<{ socket: Duplex; mux: Mux }> => {
    const socket = await connect(port);
    return { socket, mux: await muxOver(socket, { signal: AbortSignal.timeout(PATIENCE_MS) }) };
  };
  await eventually(() => connect(port).then(socket => socket.destroy() !== undefined));
  let current = await open();
  const over = (): Promise<Duplex> => current.mux.connect();
  return {
    guest: guestOver(over),
    connect: over,
    otherPort: join(home, 'other'),
    shared: join(home, 'shared'),
    off,
    console: () => readFile(join(home, 'console'), 'utf8'),
    async reattach(way) {
      current.mux.close();
      if (way === 'closed') await once(current.socket, 'close');
      current = await open();
    },
    async close() {
      current.mux.close();
      await end(home, program, off);
    },
  };
}

async function end(home: string, program: ChildProcess, off: Promise<unknown>): Promise<void> {
  program.kill('SIGKILL');
  await off;
  await rm(home, { recursive: true, force: true });
}

async function diskImage(): Promise<ResolvedImage> {
  const env = { ...process.env, HEYO_HOME: await ensureCiStore() };
  const paths = pathsOf(env);
  const deps = { paths, run, env, settings: () => readSettings(paths).settings };
  const wish = { name: ciImage, kinds: ['disk'] as const, agent: guestProgram ?? '' };
  return resolveImage(deps, wish, { signal: new AbortController().signal, progress: () => {} });
}

function argumentsFor(image: ResolvedImage, home: string): string[] {
  if (image.kind !== 'stored') throw new Error('the image of the tests is not in the store');
  const at = (role: 'kernel' | 'initrd' | 'disk'): string => image.file(role) ?? `no ${role}`;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-machine', 'q35', '-accel', 'tcg,tb-size=128', '-cpu', 'max', '-smp', '1', '-m', '512'],
    ...['-serial', `file:${join(home, 'console')}`, '-kernel', at('kernel'), '-initrd', at('initrd')],
    ...['-append', 'console=ttyS0 quiet panic=-1 net.ifnames=0 heyvm.root=/dev/vda'],
    ...['-drive', `file=${at('disk')},if=none,id=root,format=qcow2,snapshot=on`],
    ...['-device', 'virtio-blk-pci,drive=root', '-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=port,path=${join(home, 'port')},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=port,name=heyvm.0'],
    ...['-chardev', `socket,id=other,path=${join(home, 'other')},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=other,name=other.0'],
    ...['-fsdev', `local,id=stage,path=${join(home, 'shared')},security_model=none,multidevs=remap`],
    ...['-device', 'virtio-9p-pci,fsdev=stage,mount_tag=stage'],
    ...['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile='],
  ];
}

// A storage pool of another host, and the volumes in it that are ours.
import { fail } from '../../../core/errors.ts';
import { type Libvirt, saidBy } from '../virsh.ts';
import { findElements } from '../xml.ts';

export type Pool = {
  readonly name: string;
  /** The paths of all volumes there, by their names. */
  volumes(): Promise<ReadonlyMap<string, string>>;
  create(volume: NewVolume): Promise<void>;
  upload(volume: string, file: string): Promise<void>;
  /** All in one go; what is not there is removed already. */
  remove(volumes: readonly string[]): Promise<void>;
  capacity(volume: string): Promise<number>;
  grow(volume: string, bytes: number): Promise<void>;
};

export type NewVolume = {
  readonly name: string;
  readonly bytes: number;
  readonly format: string;
  /** The volume that it is a layer over. */
  readonly over?: { readonly name: string; readonly format: string };
};

export function poolOf(libvirt: Libvirt, name: string): Pool {
  const at = ['--pool', name] as const;
  const volumes: Pool['volumes'] = async () => {
    const listed = await libvirt.attempt(['vol-list', ...at]);
    return listed.code === 0 ? parseVolumes(listed.stdout) : refusePool(libvirt.uri, name, saidBy(listed));
  };
  return {
    name,
    volumes,
    async create({ name: volume, bytes, format, over }) {
      const below =
        over === undefined ? [] : ['--backing-vol', over.name, '--backing-vol-format', over.format];
      await libvirt.call(['vol-create-as', name, volume, String(bytes), '--format', format, ...below]);
    },
    async upload(volume, file) {
      await libvirt.call(['vol-upload', volume, file, ...at]);
    },
    async remove(names) {
      if (names.length === 0) return;
      const said = await libvirt.attempt(...names.map(volume => ['vol-delete', volume, ...at] as const));
      const there = await volumes();
      const left = names.filter(volume => there.has(volume));
      if (left.length > 0) fail('command-failed', `${left.join(', ')} cannot be removed: ${saidBy(said)}`);
    },
    async capacity(volume) {
      const [found] = findElements(await libvirt.call(['vol-dumpxml', volume, ...at]), 'capacity');
      return Number(found?.text ?? 0);
    },
    async grow(volume, bytes) {
      await libvirt.call(['vol-resize', volume, String(bytes), ...at]);
    },
  };
}

/** Pure: what `vol-list` prints; names of ours have no spaces. */
export function parseVolumes(text: string): ReadonlyMap<string, string> {
  const rows = text.split('\n').map(row => /^\s*(\S+)\s+(\/.*?)\s*$/.exec(row));
  return new Map(rows.flatMap(row => (row === null ? [] : [[row[1] ?? '', row[2] ?? ''] as const])));
}

function refusePool(uri: string, name: string, said: string): never {
  const virsh = `virsh --connect '${uri}'`;
  fail('backend-missing', `disks go into a storage pool of that machine, and ${name} is of no use: ${said}`, {
    hint: /not active/.test(said)
      ? `start it: ${virsh} pool-start ${name}`
      : `name another with the option pool, or make it: ${virsh} pool-define-as ${name} dir --target FOLDER, then pool-build, pool-start and pool-autostart ${name}`,
  });
}

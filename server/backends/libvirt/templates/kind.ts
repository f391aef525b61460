// What a template is good for: machines that are the same in everything that a running kernel has seen of them.
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { type Machine, renderDomain } from '../domain.ts';

/** Raised when a template of an earlier version could not be used any more. */
const FORMAT = 2;

export type Kind = {
  readonly machine: Machine;
  readonly imageDigest: string;
  /** What libvirt says about itself and its QEMU. */
  readonly versions: string;
  /** Of the disk where it was asked for; a system sees at its first boot how large it is. */
  readonly diskBytes?: number | undefined;
  /** What its system was told at its first boot besides who it is; absent where nobody tells it anything. */
  readonly told?: string | undefined;
};

/** The same for the same kind; the emulator's own path already stands for the content of it and of the guest program. */
export async function keyOf({ machine, imageDigest, versions, diskBytes, told }: Kind): Promise<string> {
  const { boot } = machine;
  const files = boot.kind === 'kernel' ? [boot.kernel, boot.initrd] : [];
  const parts = [
    FORMAT,
    renderDomain(anonymous(machine)),
    imageDigest,
    versions.trim(),
    diskBytes ?? null,
    told ?? null,
    release(),
    await processor(),
    ...(await Promise.all(files.map(identityOf))),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** Without what differs between two sandboxes of one kind. */
function anonymous(machine: Machine): Machine {
  const nothing = { name: '', uuid: '', id: '', storeId: '', state: '', disk: '', port: '', console: '' };
  const seed = machine.seed === undefined ? undefined : '';
  return { ...machine, ...nothing, seed, share: { folder: '', plan: '' }, qemuArguments: [] };
}

async function identityOf(path: string): Promise<string> {
  const { size, mtimeNs } = await stat(path, { bigint: true });
  return `${path} ${size} ${mtimeNs}`;
}

/** A kernel that has seen one processor cannot go on with another one. */
async function processor(): Promise<string> {
  const text = await readFile('/proc/cpuinfo', 'utf8');
  const [first = ''] = text.split('\n\n');
  return first
    .split('\n')
    .filter(line =>
      /^(vendor_id|cpu family|model|model name|stepping|microcode|flags|Features)\s*:/.test(line),
    )
    .join('\n');
}

// Looks at the head of a disk: what it is, and that it is whole in itself and refers to no other file.
import { open } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import type { ImageFile } from '../protocol/image.ts';

const MAGIC = 0x514649fb;
const HEAD = 2048;
/** Bit of the incompatible features: the data are in another file. */
const EXTERNAL_DATA = 4n;

/**
 * A disk from elsewhere must not name other files: the machine monitor would open them with our rights and show
 * them to the guest. Fails with `image-broken` for that and for what no machine can boot.
 */
export async function inspectDisk(path: string): Promise<Extract<ImageFile['format'], 'qcow2' | 'raw'>> {
  const head = await headOf(path);
  if (head.length >= 72 && head.readUInt32BE(0) === MAGIC) {
    refuseReferences(path, head);
    return 'qcow2';
  }
  const bootSector = head.length >= 512 && head.readUInt16LE(510) === 0xaa55;
  const ext4 = head.length >= 1082 && head.readUInt16LE(1080) === 0xef53;
  if (bootSector || ext4) return 'raw';
  return fail(
    'image-broken',
    `${path} is no disk that can be booted: it is neither qcow2 nor has it a boot sector`,
    {
      hint: 'give a qcow2 or raw disk, a root file system as tar, or an OCI archive',
    },
  );
}

function refuseReferences(path: string, head: Buffer): void {
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) broken(path, `is qcow2 of version ${version}`);
  if (head.readBigUInt64BE(8) !== 0n) {
    broken(
      path,
      'builds on another file, which would be read with your rights',
      `qemu-img convert -O qcow2 ${path} whole.qcow2 makes it independent, if you trust it`,
    );
  }
  if (head.readUInt32BE(32) !== 0) broken(path, 'is encrypted');
  if (version === 3 && head.length >= 80 && (head.readBigUInt64BE(72) & EXTERNAL_DATA) !== 0n) {
    broken(path, 'keeps its data in another file, which would be read with your rights');
  }
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(HEAD);
    const { bytesRead } = await file.read(head, 0, HEAD, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function broken(path: string, why: string, hint = 'make the disk again, whole in one file'): never {
  fail('image-broken', `the disk ${path} ${why}`, { hint });
}

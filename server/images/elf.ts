// Tells for which processor a root file system is, by the programs in it.
import type { ImageManifest } from '../protocol/image.ts';
import { bytesOf } from './build/content.ts';
import { type FolderNode, resolve } from './build/rootTree.ts';

const machines: Readonly<Record<number, ImageManifest['arch']>> = { 62: 'x64', 183: 'arm64' };
const programs = ['bin/sh', 'sbin/init', 'bin/busybox', 'usr/bin/env'];

/** Undefined where no program of a known kind is found. */
export async function archOf(root: FolderNode): Promise<ImageManifest['arch'] | undefined> {
  for (const program of programs) {
    const node = resolve(root, program);
    if (node?.kind !== 'file') continue;
    const { content } = node;
    const head = await bytesOf(
      content.kind === 'part' ? { ...content, size: Math.min(content.size, 64) } : content,
    );
    if (head.length < 20 || head.toString('latin1', 1, 4) !== 'ELF') continue;
    const arch = machines[head.readUInt16LE(18)];
    if (arch !== undefined) return arch;
  }
  return undefined;
}

// Reads off a root file system what it is: its distribution, its C library, and the runtimes in it.
import type { Runtime } from '../../protocol/backend.ts';
import type { ImageManifest } from '../../protocol/image.ts';
import { bytesOf } from './content.ts';
import { type FolderNode, resolve } from './rootTree.ts';

export type RootFacts = Pick<ImageManifest, 'os' | 'runtimes'>;

export async function factsOf(root: FolderNode): Promise<RootFacts> {
  const release = await textAt(root, 'etc/os-release');
  const says = (key: string): string =>
    new RegExp(`^${key}=["']?([^"'\n]*)["']?$`, 'm').exec(release)?.[1] ?? '';
  return {
    os: { id: says('ID') || 'unknown', version: says('VERSION_ID') || 'unknown', libc: libcOf(root) },
    runtimes: runtimesOf(root),
  };
}

function libcOf(root: FolderNode): RootFacts['os']['libc'] {
  const has = (folder: string, start: string): boolean => {
    const node = resolve(root, folder);
    return node?.kind === 'folder' && [...node.children.keys()].some(name => name.startsWith(start));
  };
  if (has('lib64', 'ld-linux-') || has('lib', 'ld-linux-')) return 'glibc';
  return has('lib', 'ld-musl-') ? 'musl' : 'none';
}

const programs: readonly (readonly [Runtime, readonly string[]])[] = [
  ['shell', ['bin/sh']],
  ['python', ['usr/bin/python3', 'usr/local/bin/python3']],
  ['node', ['usr/bin/node', 'usr/local/bin/node']],
];

function runtimesOf(root: FolderNode): Runtime[] {
  return programs
    .filter(([, places]) => places.some(place => resolve(root, place)?.kind === 'file'))
    .map(([runtime]) => runtime);
}

async function textAt(root: FolderNode, path: string): Promise<string> {
  const node = resolve(root, path);
  return node?.kind === 'file' ? (await bytesOf(node.content)).toString('utf8') : '';
}

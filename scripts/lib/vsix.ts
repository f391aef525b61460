// Packs the extension: which files, into which file, and how large.
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createVSIX, listFiles, PackageManager } from '@vscode/vsce';
import { hashOf } from './hash.ts';
import { arch, artifacts, cache, root } from './places.ts';

export type Packed = {
  readonly path: string;
  readonly target: string;
  readonly bytes: number;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
};

/** The same content in both: one for marketplaces that know platforms, one for everything else. */
export const targets = ['universal', `linux-${arch}`] as const;

export async function pack(
  target: (typeof targets)[number],
  folder = join(artifacts, 'packages'),
): Promise<Packed> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `heyvm-${version}${target === 'universal' ? '' : `-${target}`}.vsix`);
  await createVSIX({
    cwd: root,
    packagePath: path,
    dependencies: false,
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
    allowUnusedFilesPattern: true,
    ...(target === 'universal' ? {} : { target }),
  });
  const listed = await listFiles({ cwd: root, packageManager: PackageManager.None });
  const files = listed.map(name => ({ path: name, bytes: statSync(join(root, name)).size }));
  return { path, target, bytes: statSync(path).size, files };
}

/** A package of what dist/ holds now, made only when that changed. */
export async function packOnce(): Promise<string> {
  const files = await listFiles({ cwd: root, packageManager: PackageManager.None });
  const folder = join(cache, 'packages', hashOf(root, files).slice(0, 16));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const ready = join(folder, `heyvm-${version}.vsix`);
  return existsSync(ready) ? ready : (await pack('universal', folder)).path;
}

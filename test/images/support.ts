// What the tests of images share: a store of their own, images in it, archives, and calls that collect progress.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { putBlob } from '../../server/images/blobs.ts';
import type { ImageCall, ImageDeps } from '../../server/images/deps.ts';
import { layoutOf } from '../../server/images/layout.ts';
import { writeManifest } from '../../server/images/manifest.ts';
import { run } from '../../server/platform/run.ts';
import type { Progress } from '../../server/protocol/contract.ts';
import type { ImageManifest } from '../../server/protocol/image.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { readSettings } from '../../server/store/settings.ts';

export type Place = {
  readonly folder: string;
  readonly deps: ImageDeps;
  readonly call: ImageCall & { readonly seen: Progress[] };
  /** A file below the folder. */
  file(name: string, content: string | Buffer): string;
  set(settings: unknown): void;
  dispose(): void;
};

export function newPlace(env: NodeJS.ProcessEnv = {}): Place {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hvi-')));
  const paths = pathsOf({ HEYO_HOME: join(folder, 'h') });
  const seen: Progress[] = [];
  const file = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
  return {
    folder,
    deps: { paths, run, env: { HOME: folder, ...env }, settings: () => readSettings(paths).settings },
    call: { signal: new AbortController().signal, progress: step => seen.push(step), seen },
    file,
    set: settings => void file('h/settings.json', JSON.stringify(settings)),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export type Stored = { readonly name: string; readonly content: string; readonly role?: 'rootfs' | 'disk' };

/** An image whose one file holds the content, whatever that is. */
export async function storeImage(
  { deps, file }: Place,
  { name, content, role = 'rootfs' }: Stored,
): Promise<ImageManifest> {
  const source = file(`source-${name.replace(/[^a-z0-9]/g, '-')}`, content);
  const { digest, bytes } = await putBlob(deps.paths, source, { take: 'copy' });
  return writeManifest(deps.paths, {
    version: 1,
    name,
    source: { kind: 'file', from: source },
    os: { id: 'debian', version: '12', libc: 'glibc' },
    arch: process.arch === 'arm64' ? 'arm64' : 'x64',
    runtimes: ['shell'],
    init: role === 'disk' ? 'cloud-init' : 'heyvm',
    config: { env: {}, entrypoint: [], cmd: [] },
    files: [{ role, format: role === 'disk' ? 'raw' : 'tar', digest, bytes }],
    created_at: new Date().toISOString(),
  });
}

export function blobsOf({ deps }: Place): readonly string[] {
  return readdirSync(layoutOf(deps.paths).blobs);
}

/** A small root file system as a folder; `bin/sh` is this machine's. */
export function makeRoot(place: Place, name = 'root'): string {
  const root = join(place.folder, name);
  for (const folder of ['usr/bin', 'etc', 'var/empty']) mkdirSync(join(root, folder), { recursive: true });
  execFileSync('cp', ['-L', '/bin/sh', join(root, 'usr/bin/sh')]);
  execFileSync('ln', ['-sfn', 'usr/bin', join(root, 'bin')]);
  execFileSync('ln', ['-f', join(root, 'usr/bin/sh'), join(root, 'usr/bin/dash')]);
  writeFileSync(join(root, 'etc/os-release'), 'ID=teapot\nVERSION_ID="418"\n');
  return root;
}

/** Packed with the tar of this machine. */
export function pack(folder: string, target: string, ...options: string[]): string {
  execFileSync('tar', ['--numeric-owner', ...options, '-cf', target, '-C', folder, '.']);
  return target;
}

export function has(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some(folder => {
    try {
      return readdirSync(folder).includes(program);
    } catch {
      // A folder in the PATH that does not exist has no programs.
      return false;
    }
  });
}

/** Names, kinds, owners, links and times, as the tar of this machine lists them. */
export function listing(path: string): string[] {
  return execFileSync('tar', ['-tvf', path, '--numeric-owner'], { encoding: 'utf8' }).trim().split('\n');
}

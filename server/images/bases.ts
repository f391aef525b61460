// The bases that can be downloaded: what they are and where their vendors keep them. The only place with addresses.
import { fail } from '../core/errors.ts';
import type { ImageManifest } from '../protocol/image.ts';
import type { Settings } from '../store/settings.ts';

export type Algorithm = 'sha256' | 'sha512';

/** The digest itself, or the vendor's list of digests, which is only ever read over https. */
export type Checksum = { readonly algorithm: Algorithm } & (
  | { readonly kind: 'digest'; readonly hex: string }
  | { readonly kind: 'list'; readonly url: string }
);

/** One disk for this architecture. */
export type Base = {
  readonly name: string;
  readonly os: ImageManifest['os'];
  readonly runtimes: ImageManifest['runtimes'];
  readonly url: string;
  readonly checksum: Checksum;
};

type Known = Pick<Base, 'name' | 'os' | 'runtimes'> & {
  /** Folder and file names; the checksum's name may refer to the file's as `<file>`. */
  readonly folder: string;
  readonly files: Readonly<Record<'x64' | 'arm64', string>>;
  readonly list: string;
  readonly algorithm: Algorithm;
};

const known: readonly Known[] = [
  {
    name: 'ubuntu:24.04',
    os: { id: 'ubuntu', version: '24.04', libc: 'glibc' },
    runtimes: ['shell', 'python'],
    folder: 'https://cloud-images.ubuntu.com/releases/noble/release/',
    files: { x64: 'ubuntu-24.04-server-cloudimg-amd64.img', arm64: 'ubuntu-24.04-server-cloudimg-arm64.img' },
    list: 'SHA256SUMS',
    algorithm: 'sha256',
  },
  {
    // The generic one: the kernel of genericcloud has no 9p, without which workspaces are slower.
    name: 'debian:12',
    os: { id: 'debian', version: '12', libc: 'glibc' },
    runtimes: ['shell', 'python'],
    folder: 'https://cloud.debian.org/images/cloud/bookworm/latest/',
    files: { x64: 'debian-12-generic-amd64.qcow2', arm64: 'debian-12-generic-arm64.qcow2' },
    list: 'SHA512SUMS',
    algorithm: 'sha512',
  },
  {
    name: 'alpine:3.23',
    os: { id: 'alpine', version: '3.23', libc: 'musl' },
    runtimes: ['shell', 'python'],
    folder: 'https://dl-cdn.alpinelinux.org/alpine/v3.23/releases/cloud/',
    files: {
      x64: 'nocloud_alpine-3.23.4-x86_64-bios-cloudinit-r0.qcow2',
      arm64: 'nocloud_alpine-3.23.4-aarch64-uefi-cloudinit-r0.qcow2',
    },
    list: '<file>.sha512',
    algorithm: 'sha512',
  },
];

/** Undefined when there is no base of this name; those of the settings come before the known ones. */
export function findBase(settings: Settings, name: string): Base | undefined {
  return ownBase(settings, name) ?? knownBase(name);
}

export function knownBases(settings: Settings): readonly string[] {
  return [...new Set([...Object.keys(settings.images.bases), ...known.map(base => base.name)])];
}

function knownBase(name: string): Base | undefined {
  const found = known.find(base => base.name === name);
  if (found === undefined || (process.arch !== 'x64' && process.arch !== 'arm64')) return undefined;
  const { folder, files, list, algorithm, ...base } = found;
  const file = files[process.arch];
  const url = folder + list.replace('<file>', file);
  return { ...base, url: folder + file, checksum: { algorithm, kind: 'list', url } };
}

function ownBase(settings: Settings, name: string): Base | undefined {
  const own = settings.images.bases[name];
  if (own === undefined) return undefined;
  const like = known.find(base => base.name === name);
  return {
    name,
    os: like?.os ?? { id: 'unknown', version: '', libc: 'glibc' },
    runtimes: like?.runtimes ?? ['shell'],
    url: own.url,
    checksum: digestOfBase(name, own),
  };
}

function digestOfBase(name: string, own: Settings['images']['bases'][string]): Checksum {
  if (own.sha512 !== undefined) return { algorithm: 'sha512', kind: 'digest', hex: own.sha512 };
  if (own.sha256 !== undefined) return { algorithm: 'sha256', kind: 'digest', hex: own.sha256 };
  return fail('settings-broken', `images.bases.${name} has no sha256 and no sha512`, {
    hint: 'add the digest of its file, so that what is downloaded can be checked',
  });
}

// The distributions that can be made from their packages: suites, kernels, keys, and where packages come from.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import { isAbsence, readTextIfExists } from '../../platform/files.ts';

export type Distribution = {
  readonly id: 'debian' | 'ubuntu';
  readonly version: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** The package that depends on the newest kernel with all its modules. */
  readonly kernel: string;
  /** For `dpkg`, of this machine. */
  readonly arch: 'amd64' | 'arm64';
};

/** One line of an apt source list, for the suite itself, its updates or its security fixes. */
export type PackageSource = { readonly uri: string; readonly suite: string };

export type Origin = {
  /** An address that was asked for; nothing else is used then. */
  readonly mirror?: string | undefined;
  /** From the beginning of a vendor's address to what stands in its place. */
  readonly mirrors: Readonly<Record<string, string>>;
};

type Vendor = {
  readonly suites: Readonly<Record<string, string>>;
  readonly components: readonly string[];
  readonly kernel: (arch: string) => string;
  readonly keyring: string;
  readonly main: (arch: string) => string;
  readonly security: (arch: string) => string;
};

const vendors: Readonly<Record<Distribution['id'], Vendor>> = {
  debian: {
    suites: { '11': 'bullseye', '12': 'bookworm', '13': 'trixie' },
    components: ['main'],
    kernel: arch => `linux-image-${arch}`,
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
    main: () => 'http://deb.debian.org/debian',
    security: () => 'http://deb.debian.org/debian-security',
  },
  ubuntu: {
    suites: { '22.04': 'jammy', '24.04': 'noble', '26.04': 'resolute' },
    components: ['main', 'universe'],
    kernel: () => 'linux-image-generic',
    keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
    main: arch =>
      arch === 'amd64' ? 'http://archive.ubuntu.com/ubuntu' : 'http://ports.ubuntu.com/ubuntu-ports',
    security: arch =>
      arch === 'amd64' ? 'http://security.ubuntu.com/ubuntu' : 'http://ports.ubuntu.com/ubuntu-ports',
  },
};

/** Takes `debian:12` and `debian:bookworm`; a suite that is newer than this list is known by its name alone. */
export function distributionOf(base: string): Distribution {
  const [id = '', tag = ''] = base.split(':');
  const vendor = id === 'debian' || id === 'ubuntu' ? vendors[id] : undefined;
  const known = Object.entries(vendor?.suites ?? {}).find(
    ([version, suite]) => version === tag || suite === tag,
  );
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  if (vendor === undefined || (id !== 'debian' && id !== 'ubuntu') || !/^[a-z]+$/.test(known?.[1] ?? tag)) {
    const bases = Object.entries(vendors).flatMap(([name, { suites }]) =>
      Object.keys(suites).map(version => `${name}:${version}`),
    );
    return fail('image-not-found', `${base} is no base that can be made from packages`, {
      hint: `choose one of ${bases.join(', ')}`,
    });
  }
  const [version, suite] = known ?? [tag, tag];
  return { id, version, suite, components: vendor.components, kernel: vendor.kernel(arch), arch };
}

/** As lines of `sources.list`. What this machine uses itself comes before the vendor's own address. */
export async function sourceLines(distribution: Distribution, origin: Origin): Promise<readonly string[]> {
  const { suite, components } = distribution;
  const { keyring } = vendors[distribution.id];
  const options = existsSync(keyring) ? ` [signed-by="${keyring}"]` : '';
  const sources = await packageSources(distribution, origin);
  return sources.map(
    ({ uri, suite: part }) => `deb${options} ${uri} ${suite}${part} ${components.join(' ')}`,
  );
}

async function packageSources(distribution: Distribution, origin: Origin): Promise<readonly PackageSource[]> {
  if (origin.mirror !== undefined) return [{ uri: checked(origin.mirror), suite: '' }];
  const vendor = vendors[distribution.id];
  const machine = await machineSources(distribution.id);
  const { arch } = distribution;
  const main = machine.main ?? mirrored(vendor.main(arch), origin.mirrors);
  const security = machine.security ?? mirrored(vendor.security(arch), origin.mirrors);
  return [
    { uri: main, suite: '' },
    { uri: main, suite: '-updates' },
    { uri: security, suite: '-security' },
  ];
}

function checked(mirror: string): string {
  if (/^(https?|file):\/\/[^\s"[\]]+$/.test(mirror)) return mirror;
  return fail('usage', `${JSON.stringify(mirror)} is no address of a mirror`, {
    hint: 'give an address that begins with http://, https:// or file://',
  });
}

function mirrored(address: string, mirrors: Origin['mirrors']): string {
  const start = Object.keys(mirrors)
    .sort((a, b) => b.length - a.length)
    .find(candidate => address.startsWith(candidate));
  return start === undefined ? address : (mirrors[start] ?? start) + address.slice(start.length);
}

type MachineSources = { readonly main?: string; readonly security?: string };

/** Where a machine of the same distribution gets its own packages, which then works for ours as well. */
async function machineSources(id: string): Promise<MachineSources> {
  const release = (await readTextIfExists('/etc/os-release')) ?? '';
  const says = (key: string): string | undefined =>
    new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(release)?.[1];
  const suite = says('VERSION_CODENAME');
  if (says('ID') !== id || suite === undefined) return {};
  const found = (await sourceFiles()).flatMap(({ name, text }) =>
    name.endsWith('.sources') ? stanzas(text) : oneLiners(text),
  );
  const uriOf = (wanted: string): string | undefined =>
    found.find(({ suite: part, uri }) => part === wanted && /^https?:/.test(uri))?.uri;
  const main = uriOf(suite);
  const security = uriOf(`${suite}-security`);
  return { ...(main === undefined ? {} : { main }), ...(security === undefined ? {} : { security }) };
}

async function sourceFiles(): Promise<{ name: string; text: string }[]> {
  const folder = '/etc/apt/sources.list.d';
  const names = await namesIn(folder);
  const paths = ['/etc/apt/sources.list', ...names.sort().map(name => join(folder, name))];
  const files: { name: string; text: string }[] = [];
  for (const path of paths.filter(name => /\.(list|sources)$/.test(name) && existsSync(name))) {
    files.push({ name: path, text: await readFile(path, 'utf8') });
  }
  return files;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function oneLiners(text: string): PackageSource[] {
  return [...text.matchAll(/^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+\S/gm)].map(
    ([, uri = '', suite = '']) => ({
      uri,
      suite,
    }),
  );
}

function stanzas(text: string): PackageSource[] {
  return text.split(/\n\s*\n/).flatMap(stanza => {
    const field = (name: string): string[] =>
      (new RegExp(`^${name}:[ \\t]*(.*)$`, 'mi').exec(stanza)?.[1] ?? '')
        .split(/\s+/)
        .filter(word => word !== '');
    if (!field('Types').includes('deb') || field('Enabled').includes('no')) return [];
    return field('URIs').flatMap(uri => field('Suites').map(suite => ({ uri, suite })));
  });
}

// Which packages are part of the shipped bundles, and their licenses; one that is not permissive stops the build.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { bundles, makeBundle } from './bundles.ts';
import { cache, root } from './places.ts';
import { Stop } from './say.ts';

type Shipped = {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly text: string;
};

const permissive = new Set([
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'Apache-2.0 WITH LLVM-exception',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
]);

/** Of packages that name none of the usual ones; each was read, and what it asks beyond the usual is said here. */
const readByHand: Readonly<Record<string, string>> = {
  // MIT, and products with more than a million users or dollars a month show the name Wasmer, which heyvm always does.
  '@wasmer/sdk': 'MIT with attribution',
};

export async function licensesText(): Promise<string> {
  const shipped = [...(await bundled()), rustLibc()].sort((a, b) => a.name.localeCompare(b.name));
  for (const { name, license } of shipped) {
    if (license === readByHand[name]) continue;
    if (!license.split(/ OR | AND /).every(part => permissive.has(part.replace(/[()]/g, '')))) {
      throw new Stop(
        `${name} has the license ${license}`,
        'only permissive licenses may be shipped; use another package',
      );
    }
  }
  const table = shipped.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`);
  const texts = shipped.map(({ name, text }) => `## ${name}\n\n\`\`\`\n${text.trim()}\n\`\`\``);
  return `${[
    '# Third-party licenses',
    'heyvm ships these packages inside its bundles and its guest program. Made by `npm run generate`.',
    ['| package | version | license |', '|---|---|---|', ...table].join('\n'),
    ...texts,
  ].join('\n\n')}\n`;
}

async function bundled(): Promise<Shipped[]> {
  const folders = new Set<string>();
  for (const bundle of bundles.filter(({ ships }) => ships)) {
    const made = await makeBundle(bundle, 'licenses', join(cache, 'licenses'));
    for (const folder of made === undefined ? [] : packagesOf(made.metafile)) folders.add(folder);
  }
  return [...folders].map(readPackage);
}

function packagesOf(metafile: Metafile): string[] {
  return Object.values(metafile.outputs)
    .flatMap(output => Object.entries(output.inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([path]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
}

type Manifest = {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly licenses?: readonly { readonly type: string }[];
};

function readPackage(folder: string): Shipped {
  const path = join(root, folder);
  const { name, version, ...rest } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest;
  // Old packages have a list of licenses, from which one may choose.
  const license =
    readByHand[name ?? ''] ?? rest.license ?? rest.licenses?.map(({ type }) => type).join(' OR ');
  const file = readdirSync(path).find(entry => /^licen[cs]e/i.test(entry));
  return {
    name: name ?? folder,
    version: version ?? '',
    license: license ?? 'unknown',
    text:
      file === undefined
        ? `${license} license, no text in the package`
        : readFileSync(join(path, file), 'utf8'),
  };
}

/** The one dependency of the guest program; its own license file is MIT or Apache-2.0, as one likes. */
function rustLibc(): Shipped {
  const lock = join(root, 'native', 'guest', 'Cargo.lock');
  const text = existsSync(lock) ? readFileSync(lock, 'utf8') : '';
  const version = /name = "libc"\nversion = "([^"]+)"/.exec(text)?.[1] ?? '';
  return {
    name: 'libc (Rust)',
    version,
    license: 'MIT OR Apache-2.0',
    text: 'Copyright (c) 2014-2020 The Rust Project Developers\n\nUsed under the MIT license.',
  };
}

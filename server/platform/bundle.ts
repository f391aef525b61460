// Where the running program's own files are, and the copy of them that owners run from.
// The promises are loaded with their first use, which most commands never come to.
import { existsSync, promises as fs, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fail } from '../core/errors.ts';
import { ensureFolder } from './files.ts';
import { randomHex } from './random.ts';

export type Bundle = {
  /** The folder with the built files. */
  readonly folder: string;
  /** Names one set of built files; changes with every change of them. */
  readonly build: string;
};

export const bundle: Bundle = locate();

/** The guest program for this machine, as it is named beside the bundles. */
export function guestProgram(folder: string): string {
  return join(folder, `guest-linux-${process.arch}`);
}

export function ownerProgram(folder: string): string {
  return join(folder, 'owner.cjs');
}

/** The folder with the copy of a build; it is complete when the owner's program is in it. */
export function libOf(paths: { readonly lib: string }, { build }: Bundle): string {
  return join(paths.lib, build);
}

/**
 * The folder below `lib` with this build; each file appears whole, and the owner's own last. What lies in `runners` is
 * large and of use to few, so that of it only what begins with one of these names is there.
 */
export async function ensureLib(
  paths: { readonly lib: string },
  from: Bundle = bundle,
  runners: readonly string[] = [],
): Promise<string> {
  const target = libOf(paths, from);
  const wanted = await runnersIn(from.folder, runners);
  const copyOf = (file: string): string => join(target, relative(from.folder, file));
  if (target === from.folder || [ownerProgram(from.folder), ...wanted].map(copyOf).every(existsSync))
    return target;
  const program = ownerProgram(from.folder);
  if (!existsSync(program)) {
    fail('internal', `${program} is missing`, { hint: 'build heyvm again with: npm run build' });
  }
  await ensureFolder(paths.lib);
  const guest = guestProgram(from.folder);
  const rest = [...packagesOf(from.folder), ...(existsSync(guest) ? [guest] : []), program];
  for (const file of [...wanted, ...rest].filter(each => !existsSync(copyOf(each)))) {
    await ensureFolder(dirname(copyOf(file)));
    await copyWhole(file, copyOf(file));
  }
  return target;
}

/** Several that copy at once put the same content there. */
async function copyWhole(file: string, copy: string): Promise<void> {
  const temporary = `${copy}.${randomHex(4)}`;
  try {
    await fs.copyFile(file, temporary);
    await fs.rename(temporary, copy);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

/** Beside the owner's program: the packages that it loads when it comes to need one. */
const PACKAGES = 'owner';

function packagesOf(folder: string): string[] {
  const packages = join(folder, PACKAGES);
  if (!existsSync(packages)) return [];
  const names = readdirSync(packages).filter(name => name.endsWith('.cjs'));
  return names.map(name => join(packages, name));
}

/** Programs in which guests run that are processes of this machine, with what they load. */
const RUNNERS = 'runners';

export function runnerProgram(folder: string, name: string, form: 'cjs' | 'mjs' = 'mjs'): string {
  return join(folder, RUNNERS, `${name}.${form}`);
}

async function runnersIn(folder: string, wanted: readonly string[]): Promise<readonly string[]> {
  if (wanted.length === 0) return [];
  const names = await fs.readdir(join(folder, RUNNERS));
  return names
    .filter(name => /\.(cjs|mjs|wasm)$/.test(name) && wanted.some(each => name.startsWith(each)))
    .map(name => join(folder, RUNNERS, name));
}

function locate(): Bundle {
  const here = import.meta.dirname;
  const build = process.env['HEYVM_BUILD'];
  if (build !== undefined) return { folder: here, build };
  // From source, the built files are looked for where the build script puts them, and their age names them.
  const folder = join(here, '..', '..', 'dist');
  const ages = [ownerProgram(folder), guestProgram(folder)].map(
    file => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return { folder, build: `source-${ages.map(age => Math.round(age).toString(36)).join('-')}` };
}

// Where the running program's own files are, and the copy of them that owners run from.
// The promises are loaded with their first use, which most commands never come to.
import { existsSync, promises as fs, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
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

/** The folder below `lib` with this build; each file appears whole, and the owner's own last. */
export async function ensureLib(paths: { readonly lib: string }, from: Bundle = bundle): Promise<string> {
  const target = join(paths.lib, from.build);
  if (existsSync(ownerProgram(target))) return target;
  const program = ownerProgram(from.folder);
  if (!existsSync(program)) {
    fail('internal', `${program} is missing`, { hint: 'build heyvm again with: npm run build' });
  }
  await ensureFolder(paths.lib);
  await ensureFolder(target);
  const packages = packagesOf(from.folder);
  if (packages.length > 0) await ensureFolder(join(target, PACKAGES));
  const runners = await runnersIn(from.folder);
  if (runners.length > 0) await ensureFolder(join(target, RUNNERS));
  const guest = guestProgram(from.folder);
  for (const file of [...packages, ...runners, ...(existsSync(guest) ? [guest] : []), program]) {
    const copy = join(target, relative(from.folder, file));
    const temporary = `${copy}.${randomHex(4)}`;
    try {
      await fs.copyFile(file, temporary);
      // Several that copy at once put the same content there.
      await fs.rename(temporary, copy);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
  }
  return target;
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

async function runnersIn(folder: string): Promise<readonly string[]> {
  try {
    const names = await fs.readdir(join(folder, RUNNERS));
    return names.filter(name => /\.(cjs|mjs|wasm)$/.test(name)).map(name => join(folder, RUNNERS, name));
  } catch {
    // A build without any, as tests make them.
    return [];
  }
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

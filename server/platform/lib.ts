// Makes the copy of our own files that owners run from, which no update touches.
// The promises are loaded with their first use, which most commands never come to.
import { existsSync, promises as fs, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fail } from '../core/errors.ts';
import { type Bundle, bundle, guestProgram, libOf, ownerProgram, RUNNERS } from './bundle.ts';
import { ensureFolder } from './files.ts';
import { randomHex } from './random.ts';

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

async function runnersIn(folder: string, wanted: readonly string[]): Promise<readonly string[]> {
  if (wanted.length === 0) return [];
  const names = await fs.readdir(join(folder, RUNNERS));
  return names
    .filter(name => /\.(cjs|mjs|wasm)$/.test(name) && wanted.some(each => name.startsWith(each)))
    .map(name => join(folder, RUNNERS, name));
}

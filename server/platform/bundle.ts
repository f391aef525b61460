// Where the running program's own files are, and the copy of them that owners run from.
// The promises are loaded with their first use, which most commands never come to.
import { existsSync, promises as fs, statSync } from 'node:fs';
import { basename, join } from 'node:path';
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
  const guest = guestProgram(from.folder);
  const files = [...(existsSync(guest) ? [guest] : []), ownerProgram(from.folder)];
  const missing = files.find(file => !existsSync(file));
  if (missing !== undefined) {
    fail('internal', `${missing} is missing`, { hint: 'build heyvm again with: npm run build' });
  }
  await ensureFolder(paths.lib);
  await ensureFolder(target);
  for (const file of files) {
    const temporary = join(target, `${basename(file)}.${randomHex(4)}`);
    try {
      await fs.copyFile(file, temporary);
      // Several that copy at once put the same content there.
      await fs.rename(temporary, join(target, basename(file)));
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
  }
  return target;
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

// Where the running program's own files are, and the copy of them that owners run from.
import { statSync } from 'node:fs';
import { join } from 'node:path';

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

/** Programs in which guests run that are processes of this machine, with what they load. */
export const RUNNERS = 'runners';

export function runnerProgram(folder: string, name: string, form: 'cjs' | 'mjs' = 'mjs'): string {
  return join(folder, RUNNERS, `${name}.${form}`);
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

// A program that is named by the file of its module, where the backend runs modules of WebAssembly.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { SandboxError } from '../core/errors.ts';
import { isModulePath, moduleName } from '../core/modules.ts';
import type { Context } from './command.ts';

export type ModuleFile = { readonly path: string; readonly program: string };

/**
 * The image and the program that the first word means by itself; undefined where it means something inside. A file of
 * this machine goes before one inside, which there is only when a folder or files are given. The error says that there
 * is neither.
 */
export async function moduleOf(
  context: Context,
  word: string | undefined,
): Promise<ModuleFile | SandboxError | undefined> {
  const { args, cwd } = context;
  if (word === undefined || !isModulePath(word) || args.string('image') !== undefined) return undefined;
  if ((args.string('runtime') ?? 'wasm') !== 'wasm' || !(await runsModules(context))) return undefined;
  const path = resolve(cwd, word);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    return { path, program: moduleName(path) };
  if (args.string('workspace') !== undefined || args.list('file').length > 0) return undefined;
  return new SandboxError('path-not-found', `there is no file ${path}`, {
    hint: 'give the path of a module of this machine, or show its folder with --workspace',
  });
}

/** By what the backend promises, if one is named. */
async function runsModules({ args, call }: Context): Promise<boolean> {
  const id = args.string('backend');
  if (id === undefined) return false;
  const { backends } = await call('backend/list', { id });
  return backends.some(({ capabilities }) => capabilities.images?.some(kind => kind.startsWith('wasm-')));
}

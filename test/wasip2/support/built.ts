// What building a project of `heyvm init` takes long to make, kept outside the tree.
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { attempt } from '../../../scripts/lib/command.ts';
import { hashOf } from '../../../scripts/lib/hash.ts';
import { cache, root } from '../../../scripts/lib/places.ts';

/** Why it could not be built, as without a network; undefined when it was. */
export async function buildServer(folder: string): Promise<string | undefined> {
  const key = hashOf(root, ['server/backends/wasip2/presets/http.ts']).slice(0, 16);
  const kept = join(cache, 'wasm', `project-${key}.wasm`);
  const made = join(folder, 'build', 'server.wasm');
  if (!existsSync(kept)) {
    const why = await build(folder);
    if (why !== undefined) return why;
    mkdirSync(dirname(kept), { recursive: true, mode: 0o700 });
    const draft = `${kept}.${process.pid}`;
    copyFileSync(made, draft);
    renameSync(draft, kept);
  }
  mkdirSync(dirname(made), { recursive: true });
  copyFileSync(kept, made);
  return undefined;
}

async function build(folder: string): Promise<string | undefined> {
  const install = ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund'] as const;
  const installed = await attempt([...install], { cwd: folder });
  if (installed.code !== 0) return `its packages cannot be installed: ${installed.stderr.slice(-300)}`;
  const done = await attempt(['npm', 'run', 'build'], { cwd: folder });
  // From here on it is the project's own fault.
  if (done.code !== 0) throw new Error(`npm run build failed: ${done.stdout}${done.stderr}`);
  return undefined;
}

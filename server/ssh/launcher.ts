// Writes ~/.heyo/bin/heyvm, the program that ssh configurations name: it stays where it is when heyvm is updated.
import { existsSync } from 'node:fs';
import { chmod, copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bundle } from '../platform/bundle.ts';
import { ensureFolder, readTextIfExists, writeAtomic } from '../platform/files.ts';
import { ensureLib } from '../platform/lib.ts';
import type { Paths } from '../store/paths.ts';
import { launcherPath } from './aliases.ts';

export type LauncherOptions = {
  /** The Node to run with; when it is gone later, another one is looked for. */
  readonly node: string;
  /** VS Code's own program becomes a Node only when it is told to. */
  readonly kind: 'node' | 'electron';
  /** The command line's bundle. */
  readonly program: string;
};

/** Answers the launcher's path. The same options twice write once. */
export async function installLauncher(paths: Paths, options: LauncherOptions): Promise<string> {
  const path = launcherPath(paths);
  const script = renderLauncher(paths, options);
  await ensureFolder(paths.home);
  await ensureFolder(paths.bin);
  if ((await readTextIfExists(path)) === script) await chmod(path, 0o700);
  else await writeAtomic(path, script, { mode: 0o700, durability: 'quick' });
  return path;
}

/**
 * The bundle of the command line where owners have theirs, so that it outlives the folder heyvm was installed in.
 * From source it is the source file itself.
 */
export async function ensureCommandLine(paths: Paths, bundle: Bundle): Promise<string> {
  const source = join(bundle.folder, '..', 'server', 'bin', 'cli.ts');
  if (bundle.build.startsWith('source-') && existsSync(source)) return source;
  const folder = await ensureLib(paths, bundle);
  const companions = COMPANIONS.filter(each => existsSync(join(bundle.folder, each)));
  for (const name of [...companions, COMMAND_LINE].filter(each => !existsSync(join(folder, each)))) {
    const draft = join(folder, `${name}.${process.pid}`);
    await copyFile(join(bundle.folder, name), draft);
    await rename(draft, join(folder, name));
  }
  return join(folder, COMMAND_LINE);
}

const COMMAND_LINE = 'cli.cjs';

/** What it loads when it comes to need it. */
const COMPANIONS = ['mcp.cjs'];

/** Nothing is compiled in the background, because a Node that ends meanwhile may wait for its compiler for ever. */
function renderLauncher(paths: Paths, { node, kind, program }: LauncherOptions): string {
  return `#!/bin/sh
# Made by heyvm and written again by updates. Runs heyvm on the store of this folder.
HEYO_HOME=${quoted(paths.home)}
export HEYO_HOME
program=${quoted(program)}
if [ ! -f "$program" ]; then
  echo "heyvm: $program is gone; start heyvm once from where it is installed, which writes this launcher again" >&2
  exit 127
fi
if [ -x ${quoted(node)} ]; then
${kind === 'electron' ? '  ELECTRON_RUN_AS_NODE=1\n  export ELECTRON_RUN_AS_NODE\n' : ''}  exec ${quoted(node)} --no-concurrent-recompilation "$program" "$@"
fi
for node in "$HEYVM_NODE" node nodejs /usr/local/bin/node /usr/bin/node /opt/homebrew/bin/node "$HOME"/.nvm/versions/node/*/bin/node "$HOME"/.volta/bin/node; do
  if [ -n "$node" ] && "$node" -e 'process.exit(Number.parseInt(process.versions.node) >= 22 ? 0 : 1)' 2>/dev/null; then
    exec "$node" --no-concurrent-recompilation "$program" "$@"
  fi
done
echo 'heyvm: Node 22 or newer was not found; install it, or name it in HEYVM_NODE' >&2
exit 127
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

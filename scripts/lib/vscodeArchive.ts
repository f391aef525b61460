// The VS Code server of the tests packed as its vendor packs servers: one folder with `bin`, `node` and the tree.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { command } from './command.ts';
import { cache } from './places.ts';
import type { VscodeServer } from './vscodeServer.ts';

export type ServerArchive = { readonly path: string; readonly sha256: string };

/** As the one that the vendor ships. */
const START = `#!/bin/sh
root=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$root/node" "$root/out/server-main.js" "$@"
`;

/** Without the extensions that come with it, which are half of its size and nothing of which starts by itself. */
export async function ensureServerArchive({ folder, node }: VscodeServer): Promise<ServerArchive> {
  const path = join(cache, `${basename(folder)}.tar.gz`);
  if (!existsSync(path)) await pack(path, folder, node);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { path, sha256: hash.digest('hex') };
}

async function pack(path: string, folder: string, node: string): Promise<void> {
  const making = `${path}.${process.pid}`;
  const extra = `${making}.d`;
  try {
    mkdirSync(join(extra, 'bin'), { recursive: true });
    writeFileSync(join(extra, 'bin', 'code-server'), START, { mode: 0o755 });
    const words = ['--use-compress-program=gzip -1', '--transform=s,^[.]/,vscode-server/,', '-cf', making];
    const parts = [
      '--exclude=./extensions/*',
      '-C',
      folder,
      '.',
      '-C',
      extra,
      './bin',
      '-C',
      dirname(node),
      './node',
    ];
    await command(['tar', ...words, ...parts]);
    renameSync(making, path);
  } finally {
    rmSync(making, { force: true });
    rmSync(extra, { recursive: true, force: true });
  }
}

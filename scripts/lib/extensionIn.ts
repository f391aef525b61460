// Installs a packed extension into the data folder of a VS Code server, when another one or none is there.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.ts';
import type { VscodeServer } from './vscodeServer.ts';

export async function installExtension(server: VscodeServer, data: string, vsix: string): Promise<void> {
  const stamp = join(data, 'installed-vsix');
  const hash = createHash('sha256').update(readFileSync(vsix)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  await command([
    server.node,
    join(server.folder, 'out', 'server-main.js'),
    ...['--server-data-dir', data, '--extensions-dir', join(data, 'extensions')],
    ...['--accept-server-license-terms', '--telemetry-level', 'off'],
    ...['--install-extension', vsix, '--force'],
  ]);
  writeFileSync(stamp, hash);
}

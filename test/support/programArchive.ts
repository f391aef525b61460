// Stands in for the program that Remote-SSH starts first, which only its vendor has: it says its version, as that one does.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../../scripts/lib/command.ts';
import type { ServerArchive } from '../../scripts/lib/vscodeArchive.ts';

/** Packed as its vendor packs it: one file, without a folder. */
export async function makeProgramArchive(
  folder: string,
  { version, commit }: { readonly version: string; readonly commit: string },
): Promise<ServerArchive> {
  const inside = join(folder, 'program');
  mkdirSync(inside);
  const script = `#!/bin/sh\n[ "$1" = --version ] && echo 'code ${version} (commit ${commit})'\n`;
  writeFileSync(join(inside, 'code'), script, { mode: 0o755 });
  const path = join(folder, 'program.tar.gz');
  await command(['tar', '-czf', path, '-C', inside, 'code']);
  return { path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
}

// Makes every sandbox a host of OpenSSH: one alias and one pinned host key each, in files of our own.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toSandboxError } from '../core/errors.ts';
import { aliasOf, directAliasOf } from '../core/names.ts';
import { ensureFolder, readTextIfExists, writeAtomic } from '../platform/files.ts';
import { ensureSshKey } from '../platform/sshKey.ts';
import type { Problem } from '../protocol/doctor.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { type AliasBlock, renderConfig } from './configText.ts';

export type AliasSource = Pick<SandboxRecord, 'id' | 'name' | 'intent' | 'throwaway'> &
  Partial<Pick<SandboxRecord, 'ssh_listen'>>;

/** The stable program that ssh configurations name. */
export function launcherPath(paths: Pick<Paths, 'bin'>): string {
  return join(paths.bin, 'heyvm');
}

export function proxyWords(paths: Pick<Paths, 'bin'>, id: string): readonly string[] {
  return [launcherPath(paths), 'ssh-proxy', id];
}

/**
 * Writes the configuration and the known hosts for exactly these sandboxes; the caller holds a lock.
 * A host key that cannot be read costs its own sandbox the alias, and no other.
 */
export async function writeAliases(
  paths: Paths,
  sandboxes: readonly AliasSource[],
): Promise<readonly Problem[]> {
  const blocks: AliasBlock[] = [];
  const hosts: string[] = [];
  const problems: Problem[] = [];
  for (const { id, name, ssh_listen: listening } of sandboxes.filter(isNamed)) {
    const { folder, hostKey, clientKey } = sandboxPaths(paths, id);
    if (!existsSync(folder)) continue;
    const hostKeyAlias = `heyvm-${id}`;
    try {
      hosts.push(`${hostKeyAlias} ${(await ensureSshKey(hostKey)).publicLine}\n`);
    } catch (thrown) {
      problems.push({ path: hostKey, message: toSandboxError(thrown).message });
      continue;
    }
    blocks.push({
      alias: aliasOf(name),
      hostKeyAlias,
      proxy: proxyWords(paths, id),
      knownHosts: paths.knownHosts,
      ...(listening === undefined
        ? {}
        : {
            direct: { alias: directAliasOf(name), port: listening.port, identity: clientKey },
          }),
    });
  }
  const config = renderConfig(blocks);
  await ensureFolder(paths.home);
  await ensureFolder(paths.ssh);
  await writeIfChanged(paths.knownHosts, hosts.join(''));
  await writeIfChanged(paths.sshConfig, config);
  return problems;
}

/** A throwaway is gone before anybody could connect to it. */
function isNamed({ intent, throwaway }: AliasSource): boolean {
  return intent !== 'removed' && throwaway !== true;
}

/** Both files can be made again from the records, so they need not survive a loss of power. */
async function writeIfChanged(path: string, content: string): Promise<void> {
  if ((await readTextIfExists(path)) !== content) await writeAtomic(path, content, { durability: 'quick' });
}

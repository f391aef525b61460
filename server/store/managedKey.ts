// The key pair by which guests that have an ssh server of their own know this store.
import { join } from 'node:path';
import { ensureFolder } from '../platform/files.ts';
import type { Paths } from './paths.ts';

/** The public half, as it stands in authorized_keys; made with its private half when it is first asked for. */
export async function managedKey({ keys }: Pick<Paths, 'keys'>): Promise<string> {
  const { ensureSshKey } = await import('../platform/sshKey.ts');
  await ensureFolder(keys);
  const { publicLine } = await ensureSshKey(join(keys, 'id_ed25519'));
  return publicLine;
}

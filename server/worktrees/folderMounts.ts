// What protects the host's git where a guest is given a folder that is not a worktree of its own.
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { WORKSPACE } from '../core/launch.ts';
import type { Mount } from '../protocol/sandbox.ts';
import { kindOf } from './gitFolder.ts';

/** A writable `.git` would be code execution on the host, so every one that is there is read-only inside. */
export async function folderMounts(workspace: string, mounts: readonly Mount[]): Promise<Mount[]> {
  const writable = [{ source: workspace, target: WORKSPACE }, ...mounts.filter(({ mode }) => mode === 'rw')];
  const found = await Promise.all(writable.map(gitOf));
  return found.flat();
}

async function gitOf({ source, target }: Pick<Mount, 'source' | 'target'>): Promise<Mount[]> {
  const path = join(source, '.git');
  const kind = await kindOf(path);
  if (kind === 'absent') return [];
  if (kind !== 'file' && kind !== 'folder') {
    fail(
      'policy-unenforceable',
      `${path} is neither a folder nor a file, so it cannot be made read-only inside`,
      {
        hint: 'share another folder, or open a branch of the repository with heyvm wt',
      },
    );
  }
  return [{ source: path, target: join(target, '.git'), mode: 'ro' }];
}

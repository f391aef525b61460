// What protects the host's git in folders that a guest is given beside a worktree of its own, or in the place of one.
import { realpath } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { fail } from '../core/errors.ts';
import { WORKSPACE } from '../core/launch.ts';
import type { Mount, WorktreeRef } from '../protocol/sandbox.ts';
import { commonDirOf, kindOf } from './gitFolder.ts';

/** A writable `.git` would be code execution on the host, so every one that is there is read-only inside. */
export async function folderMounts(workspace: string, mounts: readonly Mount[]): Promise<Mount[]> {
  const writable = [{ source: workspace, target: WORKSPACE }, ...mounts.filter(({ mode }) => mode === 'rw')];
  const found = await Promise.all(writable.map(gitOf));
  return found.flat();
}

/**
 * The worktree may be seen at other places as well, and what leads git on the host there is kept from the guest at each of
 * them. `own` are the mounts that do so at the workspace.
 */
export async function mountsBeside(
  worktree: WorktreeRef,
  { own, mounts }: { readonly own: readonly Mount[]; readonly mounts: readonly Mount[] },
): Promise<Mount[]> {
  const writable = mounts.filter(({ mode }) => mode === 'rw');
  if (writable.length === 0) return [];
  const commonDir = await commonDirOf(worktree.repository);
  const pointer = join(await realpath(worktree.path), '.git');
  const shown = own.find(({ target }) => target === join(WORKSPACE, '.git'))?.source ?? pointer;
  const found = await Promise.all(
    writable.map(async mount => [
      ...(await gitOf(mount)),
      ...readOnlyAt(mount, commonDir, commonDir),
      ...readOnlyAt(mount, pointer, shown),
    ]),
  );
  return found.flat();
}

/** `source` in the place of what the mount shows of `path`, if that lies in it. */
function readOnlyAt(mount: Mount, path: string, source: string): Mount[] {
  const way = relative(mount.source, path);
  if (way === '' || way.startsWith('..') || isAbsolute(way)) return [];
  return [{ source, target: join(mount.target, way), mode: 'ro' }];
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

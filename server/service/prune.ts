// Removes what no sandbox needs: leftovers of crashes, old versions, expired sandboxes and, when asked, stopped ones.
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toSandboxError } from '../core/errors.ts';
import { errorCodeOf } from '../platform/files.ts';
import { removeTree } from '../platform/removeTree.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import { withLock } from '../store/lock.ts';
import { sandboxPaths } from '../store/paths.ts';
import type { Entry } from '../store/sandboxes.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { conditionOfEntry } from './info.ts';
import { findLeftovers, isExpired } from './leftovers.ts';
import { renewLauncher } from './ssh.ts';
import { sweepBackends } from './sweep.ts';

type Removed = { what: string; path: string; bytes: number };
type Asked = { readonly dry_run?: boolean | undefined; readonly stopped?: boolean | undefined };

export function pruneHandlers(deps: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, 'prune/run'> {
  return {
    'prune/run': async (asked, context) => {
      const removed = [
        ...(await pruneSandboxes(deps, asked, context)),
        ...(await pruneFiles(deps, asked, context)),
        ...(await pruneStore(deps, asked)),
        ...(asked.dry_run === true ? [] : await swept(deps, context)),
      ];
      return { removed };
    },
  };
}

async function pruneSandboxes(deps: ServiceDeps, asked: Asked, context: CallContext): Promise<Removed[]> {
  const { entries } = await deps.sandboxes.list();
  const chosen = entries.filter(entry => isExpired(entry) || (asked.stopped === true && isStopped(entry)));
  const removed: Removed[] = [];
  for (const { record } of chosen) {
    context.signal.throwIfAborted();
    const path = sandboxPaths(deps.paths, record.id).folder;
    const bytes = await sizeOf(path);
    if (asked.dry_run !== true && !(await removeStopped(deps, record.id, context))) continue;
    removed.push({ what: `sandbox ${record.name}`, path, bytes });
  }
  return removed;
}

/** One that was started or removed meanwhile is no longer ours to prune. */
async function removeStopped(deps: ServiceDeps, id: string, context: CallContext): Promise<boolean> {
  try {
    await deps.sandboxes.remove(id, { force: false }, context);
    return true;
  } catch (error) {
    const { code } = toSandboxError(error);
    if (code === 'busy' || code === 'sandbox-not-found') return false;
    throw error;
  }
}

function isStopped(entry: Entry): boolean {
  const { status } = conditionOfEntry(entry);
  return status === 'stopped' || status === 'failed';
}

/** After the sandboxes, whose images may be needed by nobody then. Images themselves stay, used or not. */
async function pruneStore(deps: ServiceDeps, asked: Asked): Promise<readonly Removed[]> {
  const { sweepImages } = await import('../images/sweep.ts');
  const effect = asked.dry_run === true ? 'show' : 'remove';
  return sweepImages(deps, { effect, images: 'keep', leftovers: 'remove' });
}

/** Under the lock that is taken to start an owner's copy, so that no build goes away while somebody starts from it. */
async function pruneFiles(deps: ServiceDeps, asked: Asked, { signal }: CallContext): Promise<Removed[]> {
  const { paths } = deps;
  return withLock(paths, 'prune', { wait: 'wait', signal }, async () => {
    if (asked.dry_run !== true) await renewLauncher(deps, signal);
    const removed: Removed[] = [];
    for (const { what, path } of await findLeftovers(deps)) {
      signal.throwIfAborted();
      removed.push({ what, path, bytes: await sizeOf(path) });
      if (asked.dry_run !== true) await removeTree(path);
    }
    return removed;
  });
}

async function swept(deps: ServiceDeps, context: CallContext): Promise<Removed[]> {
  const found = await sweepBackends(deps, context);
  return found.map(({ what, path, bytes = 0 }) => ({ what, path, bytes }));
}

/** Of a file or of all files below a folder; never follows a link out of it. */
async function sizeOf(path: string): Promise<number> {
  try {
    const state = await lstat(path);
    if (!state.isDirectory()) return state.size;
    const names = await readdir(path);
    const sizes = await Promise.all(names.map(name => sizeOf(join(path, name))));
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch (error) {
    // It has vanished, or a guest made it so that it cannot be looked at; it can be removed all the same.
    if (errorCodeOf(error) !== undefined) return 0;
    throw error;
  }
}

// Starts the guest of a sandbox through its backend's driver.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend, Driver, DriverContext, LaunchRequest, Ref } from '../core/backend.ts';
import type { Guest } from '../core/guest.ts';
import { launchRequestOf } from '../core/launch.ts';
import { optionsOf } from '../core/options.ts';
import { bundle, guestProgram } from '../platform/bundle.ts';
import { ensureFolder } from '../platform/files.ts';
import { run } from '../platform/run.ts';
import type { Mount } from '../protocol/sandbox.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { updateRecord } from '../store/sandboxes.ts';
import { readSettings } from '../store/settings.ts';
import { storeIdOf } from '../store/storeId.ts';
import type { Log } from './log.ts';
import { guardMounts } from './mountGuard.ts';
import type { StartPipe } from './startPipe.ts';

export type Launch = {
  readonly paths: Paths;
  readonly record: SandboxRecord;
  readonly backend: Backend;
  readonly pipe: StartPipe;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** A file that is read-only inside was replaced on the host, and with it went its mount. */
  readonly onReplaced: (path: string) => void;
};

export async function startGuest(launch: Launch): Promise<Guest> {
  const { record, backend, signal } = launch;
  const [driver, gitMounts] = await Promise.all([backend.load(), mountsForGit(record)]);
  const context = await driverContext(launch);
  const request = launchRequestOf(record, {
    gitMounts,
    options: context.options,
    owner: await ownerOf(record.workspace.path),
  });
  launch.pipe.progress({ phase: 'preparing' });
  const ref = await made(launch, driver, { context, request });
  signal.throwIfAborted();
  launch.pipe.progress({ phase: 'starting guest' });
  const guest = await driver.open(context, ref, request);
  const guard = guardMounts({ mounts: request.mounts, onReplaced: launch.onReplaced, log: launch.log });
  void guest.ended.then(guard.dispose);
  return guest;
}

type Making = { readonly context: DriverContext; readonly request: LaunchRequest };

/** What the driver made outlives a stop, so it is made once and remembered. */
async function made({ paths, record }: Launch, driver: Driver, { context, request }: Making): Promise<Ref> {
  if (record.ref !== undefined) return record.ref;
  const ref = await driver.create(context, request);
  await updateRecord(paths, record.id, known => ({ ...known, ref: { ...ref } }));
  return ref;
}

export async function driverContext({
  paths,
  record,
  signal,
  log,
  pipe,
  backend,
}: Omit<Launch, 'onReplaced'>): Promise<DriverContext> {
  const files = sandboxPaths(paths, record.id);
  await ensureFolder(files.state);
  return {
    signal,
    log,
    progress: pipe.progress,
    run,
    state: files.state,
    runtime: files.runtime,
    agent: guestProgram(bundle.folder),
    cache: join(paths.cache, backend.manifest.id),
    storeId: storeIdOf(paths),
    options: optionsOf(backend, readSettings(paths).settings, paths.settings),
  };
}

async function ownerOf(workspace: string): Promise<LaunchRequest['owner']> {
  const { uid, gid } = await stat(workspace);
  return { uid, gid };
}

/** Looked at with every start, because worktrees move and repositories change. */
async function mountsForGit(record: SandboxRecord): Promise<readonly Mount[]> {
  if (record.worktree === undefined) {
    const { folderMounts } = await import('../worktrees/folderMounts.ts');
    return folderMounts(record.workspace.path, record.mounts);
  }
  if (record.workspace.git !== 'narrowed') return [];
  const { gitMounts } = await import('../worktrees/mounts.ts');
  return gitMounts(record.worktree);
}

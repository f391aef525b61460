// Starts the guest of a sandbox through its backend's driver, or attaches to one that runs.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  Backend,
  Condition,
  Driver,
  DriverContext,
  LaunchRequest,
  Ref,
  Residue,
} from '../core/backend.ts';
import { fail, toSandboxError } from '../core/errors.ts';
import type { Guest } from '../core/guest.ts';
import type { ResolvedImage } from '../core/image.ts';
import { launchRequestOf, SHARED_SERVERS } from '../core/launch.ts';
import { optionsOf } from '../core/options.ts';
import { bundle, guestProgram } from '../platform/bundle.ts';
import { ensureFolder, ensureShownFolder, isAbsence } from '../platform/files.ts';
import { run } from '../platform/run.ts';
import type { Progress } from '../protocol/contract.ts';
import type { Mount, WorktreeRef } from '../protocol/sandbox.ts';
import { managedKey } from '../store/managedKey.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { updateRecord } from '../store/sandboxes.ts';
import { readSettings } from '../store/settings.ts';
import { storeIdOf } from '../store/storeId.ts';
import type { Log } from './log.ts';
import { guardMounts } from './mountGuard.ts';

export type Launch = {
  readonly paths: Paths;
  readonly record: SandboxRecord;
  readonly backend: Backend;
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** A file that is read-only inside was replaced on the host, and with it went its mount. */
  readonly onReplaced: (path: string) => void;
  /** What an earlier owner of the same guest had marked as read-only. */
  readonly guarded?: Readonly<Record<string, string>> | undefined;
};

/** A guest with everything by which its driver can be asked about it. */
export type Live = {
  readonly guest: Guest;
  readonly driver: Driver;
  readonly context: DriverContext;
  readonly ref: Ref;
  /** The files that are read-only inside, with their marks. */
  readonly guarded: Readonly<Record<string, string>>;
};

export async function startGuest(launch: Launch): Promise<Live> {
  const { record, backend, signal, progress } = launch;
  const [driver, gitMounts] = await Promise.all([backend.load(), mountsForGit(launch)]);
  const context = await driverContext(launch);
  const request = launchRequestOf(record, {
    gitMounts,
    ownMounts: await ownMounts(launch),
    options: context.options,
    owner: await ownerOf(record.workspace.path),
    image: await imageOf(launch),
    from: record.from,
  });
  progress({ phase: 'preparing' });
  const ref = await made(launch, driver, { context, request });
  signal.throwIfAborted();
  progress({ phase: 'starting guest' });
  return opened(launch, { driver, context, ref, request });
}

/** What the world says about the guest of a sandbox that was made. */
export async function inspectGuest(launch: Launch): Promise<Condition> {
  const { record, backend } = launch;
  if (record.ref === undefined) return 'gone';
  const driver = await backend.load();
  return driver.inspect(await driverContext(launch), record.ref);
}

/** One that nobody is attached to. */
export async function resumeGuest(launch: Launch): Promise<void> {
  const { pausing } = await launch.backend.load();
  await pausing?.resume(await driverContext(launch), launch.record.ref ?? {});
}

/** By force, because nobody can attach to it; false where the driver cannot do that. */
export async function haltGuest(launch: Launch): Promise<boolean> {
  const driver = await launch.backend.load();
  if (driver.halt === undefined || launch.record.ref === undefined) return false;
  await driver.halt(await driverContext(launch), launch.record.ref);
  return true;
}

/** What its driver made of it; answers what could not be removed. */
export async function destroyGuest(launch: Launch): Promise<readonly Residue[]> {
  const driver = await launch.backend.load();
  return driver.destroy(await driverContext(launch), launch.record.ref ?? {});
}

/** To a guest that runs; whatever a start would need beyond that may be missing by now. */
export async function attachGuest(launch: Launch): Promise<Live> {
  const { record, backend, log } = launch;
  const driver = await backend.load();
  const context = await driverContext(launch);
  const without = <T>(what: string, value: T) => {
    return (error: unknown): T => {
      log(`attaching without ${what}: ${toSandboxError(error).message}`);
      return value;
    };
  };
  const request = launchRequestOf(record, {
    gitMounts: await mountsForGit(launch).catch(without('looking at git', [])),
    ownMounts: await ownMounts(launch).catch(without('the servers of editors', [])),
    options: context.options,
    owner: await ownerOf(record.workspace.path),
    image: await imageOf(launch).catch(without('its image', undefined)),
  });
  return opened(launch, { driver, context, ref: record.ref ?? {}, request });
}

type Opening = Pick<Live, 'driver' | 'context' | 'ref'> & { readonly request: LaunchRequest };

async function opened(launch: Launch, { request, ...known }: Opening): Promise<Live> {
  const guest = await known.driver.open(known.context, known.ref, request);
  const { onReplaced, log, guarded } = launch;
  const guard = guardMounts({ mounts: request.mounts, known: guarded, onReplaced, log });
  void guest.ended.then(guard.dispose);
  return { ...known, guest, guarded: guard.marks };
}

type Making = { readonly context: DriverContext; readonly request: LaunchRequest };

/** What the driver made outlives a stop, so it is made once and remembered. */
async function made({ paths, record }: Launch, driver: Driver, { context, request }: Making): Promise<Ref> {
  if (record.ref !== undefined) return record.ref;
  const ref = await driver.create(context, request);
  await updateRecord(paths, record.id, ({ from: _, ...known }) => ({ ...known, ref: { ...ref } }));
  return ref;
}

async function driverContext(
  launch: Pick<Launch, 'paths' | 'record' | 'backend' | 'signal' | 'log' | 'progress'>,
): Promise<DriverContext> {
  const { paths, record, backend, signal, log, progress } = launch;
  const files = sandboxPaths(paths, record.id);
  await ensureFolder(files.state);
  const { settings } = readSettings(paths);
  return {
    signal,
    log,
    progress,
    run,
    state: files.state,
    runtime: files.runtime,
    agent: guestProgram(bundle.folder),
    cache: join(paths.cache, backend.manifest.id),
    storeId: storeIdOf(paths),
    options: optionsOf(backend, settings, { path: paths.settings, over: record.options }),
    publicKey: () => managedKey(paths),
  };
}

async function ownerOf(workspace: string): Promise<LaunchRequest['owner']> {
  try {
    const { uid, gid } = await stat(workspace);
    return { uid, gid };
  } catch (error) {
    if (!isAbsence(error)) throw error;
    return fail('path-not-found', `the workspace ${workspace} does not exist`, {
      hint: 'bring it back, or remove the sandbox with heyvm rm',
    });
  }
}

/** By its digest, so that a name that means something else by now changes no sandbox. */
async function imageOf({
  paths,
  record,
  backend,
  signal,
  progress,
}: Launch): Promise<ResolvedImage | undefined> {
  const kinds = backend.manifest.capabilities.images ?? [];
  if (record.image === undefined || kinds.length === 0) return undefined;
  const { isReference, resolveImage } = await import('../images/resolve.ts');
  if (record.image_digest === undefined && isReference(kinds)) {
    return { kind: 'reference', name: record.image };
  }
  const deps = { paths, run, env: process.env, settings: () => readSettings(paths).settings };
  const wish = {
    name: record.image,
    digest: record.image_digest,
    kinds,
    agent: guestProgram(bundle.folder),
  };
  return resolveImage(deps, wish, { signal, progress });
}

/** One folder for all sandboxes, in which what is put later appears at once. */
async function ownMounts({ paths, record, backend }: Launch): Promise<readonly Mount[]> {
  const { editor, workspace } = backend.manifest.capabilities;
  if (!editor || workspace !== 'bind' || record.throwaway === true) return [];
  await ensureFolder(paths.cache);
  await ensureShownFolder(paths.servers);
  return [{ source: paths.servers, target: SHARED_SERVERS, mode: 'ro' }];
}

/** Looked at with every start, because worktrees move and repositories change. */
async function mountsForGit({ record, signal }: Launch): Promise<readonly Mount[]> {
  const { worktree, workspace, mounts } = record;
  const { folderMounts, mountsBeside } = await import('../worktrees/folderMounts.ts');
  if (worktree === undefined || workspace.git === 'none') return folderMounts(workspace.path, mounts);
  const own = await mountsOfWorktree(worktree, workspace.git, signal);
  return [...own, ...(await mountsBeside(worktree, { own, mounts }))];
}

async function mountsOfWorktree(
  worktree: WorktreeRef,
  mode: 'narrowed' | 'private',
  signal: AbortSignal,
): Promise<readonly Mount[]> {
  switch (mode) {
    case 'narrowed': {
      const { gitMounts } = await import('../worktrees/mounts.ts');
      return gitMounts(worktree);
    }
    case 'private': {
      const { privateMounts } = await import('../worktrees/privateGit.ts');
      return privateMounts({ run, env: process.env, signal }, worktree);
    }
  }
}

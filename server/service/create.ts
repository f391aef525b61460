// Makes a sandbox and starts it; cancelled or failed at any point, nothing of it is left.
import { backends } from '../backends/registry.ts';
import { gapsOf, refuseGaps } from '../core/conform.ts';
import { fail, toSandboxError } from '../core/errors.ts';
import { suggestName } from '../core/names.ts';
import { gitOf, presetOf, runtimeOf } from '../core/presets.ts';
import { expectingOwner } from '../owner/candidate.ts';
import { startOwner } from '../owner/spawn.ts';
import type { Runner } from '../platform/ahead.ts';
import { randomBelow, randomHex } from '../platform/random.ts';
import { parse } from '../protocol/parse.ts';
import { SandboxId, type Throwaway } from '../protocol/sandbox.ts';
import { withLock } from '../store/lock.ts';
import { sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { addRecord, type Entry, listRecords, updateRecord } from '../store/sandboxes.ts';
import type { Settings } from '../store/settings.ts';
import type { BaseDeps, CallContext, CreateRequest } from './deps.ts';
import { requireEntry } from './entry.ts';
import { checkFiles, copyFiles } from './files.ts';
import { checkMount, checkWorkspace } from './folders.ts';
import { hiddenName } from './hiddenName.ts';
import { forgetProbes } from './probes.ts';
import { freeName } from './reconcile.ts';
import { discard } from './remove.ts';
import { requireImage } from './requireImage.ts';
import { requireBackend } from './requirements.ts';

export async function createSandbox(
  deps: BaseDeps,
  request: CreateRequest,
  context: CallContext,
): Promise<Entry> {
  context.progress({ phase: 'checking' });
  return expectingOwner({ ...deps, ahead: aheadOf(request, deps.settings()) }, expecting =>
    attempt(expecting, request, context),
  );
}

/** What its guest will probably begin with, by what is known before anything is checked. */
function aheadOf({ spec }: CreateRequest, settings: Settings): Runner | undefined {
  const named = spec.backend ?? settings.backend_type;
  const backend = backends.find(({ manifest: { id, aliases } }) =>
    [id, ...aliases].some(each => each === named),
  );
  const memory = spec.limits?.memory ?? settings.limits.memory;
  return memory === undefined ? backend?.manifest.ahead : undefined;
}

async function attempt(deps: BaseDeps, request: CreateRequest, context: CallContext): Promise<Entry> {
  const create = async (): Promise<Entry> => {
    const draft = await draftRecord(deps, request, context);
    if (request.throwaway === undefined) return createFrom(deps, { draft, name: request.spec.name }, context);
    return createThrowaway(deps, draft, { throwaway: request.throwaway, context });
  };
  try {
    return await create();
  } catch (error) {
    // An engine that was there a few minutes ago may be gone, and another backend may do as well.
    if (toSandboxError(error).code !== 'backend-missing' || !(await forgetProbes(deps))) throw error;
    return create().catch((again: unknown) => {
      // The first attempt keeps its name where only the engine that is gone could say that nothing is left of it.
      throw toSandboxError(again).code === 'name-taken' ? error : again;
    });
  }
}

/** Its random name is nobody else's, and its files are there before its guest. */
async function createThrowaway(
  deps: BaseDeps,
  draft: SandboxRecord,
  { throwaway, context }: { readonly throwaway: Throwaway; readonly context: CallContext },
): Promise<Entry> {
  const files = await checkFiles(deps.paths, throwaway.files ?? []);
  return createFrom(
    deps,
    { draft, furnish: record => copyFiles(files, record.workspace.path), named: hiddenName('run') },
    context,
  );
}

export type Draft = {
  /** With everything but its name. */
  readonly draft: SandboxRecord;
  /** One is suggested when it is left out. */
  readonly name?: string | undefined;
  /** Once its folder is there and before its guest is made. */
  readonly furnish?: (record: SandboxRecord) => Promise<void>;
  /** A name that nobody else can have. */
  readonly named?: string;
};

/** From a record that was checked; `making` and `intent` say that it is new. */
export async function createFrom(
  deps: BaseDeps,
  { draft, name, furnish, named }: Draft,
  context: CallContext,
): Promise<Entry> {
  const { paths } = deps;
  const { signal } = context;
  if (name !== undefined) await freeName(deps, name, context);
  return withLock(paths, `sandbox-${draft.id}`, { wait: 'wait', signal }, async () => {
    const record = await withLock(paths, 'names', { wait: 'wait', signal }, () =>
      claim(deps, draft, named ?? name),
    );
    try {
      await furnish?.(record);
      await launch(deps, record, context);
      return await requireEntry(paths, record.id);
    } catch (error) {
      await undo(deps, record);
      throw error;
    }
  });
}

/** What cannot be undone now is finished by the next command; the person needs to hear why it failed, not this. */
async function undo(deps: BaseDeps, record: SandboxRecord): Promise<void> {
  try {
    await updateRecord(deps.paths, record.id, known => ({ ...known, intent: 'removed' }));
    await discard(deps, { record, stale: false });
  } catch (error) {
    if (toSandboxError(error).code === 'internal') throw error;
  }
}

/** Everything that can be refused is refused here, where nothing has been written yet. */
async function draftRecord(
  deps: BaseDeps,
  request: CreateRequest,
  context: CallContext,
): Promise<SandboxRecord> {
  const { paths } = deps;
  const { spec, worktree, purpose, throwaway } = request;
  if (throwaway?.files !== undefined && spec.workspace !== undefined) {
    fail('usage', 'files are copied into an empty workspace, not into a folder of this machine', {
      hint: 'leave out the files or the workspace',
    });
  }
  const settings = deps.settings();
  const id = newId();
  const type = spec.type ?? 'general';
  const preset = presetOf(type);
  const asked = {
    type,
    runtime: spec.runtime,
    network: spec.network ?? (throwaway === undefined ? settings.network : 'none') ?? preset.network,
    limits: { ...settings.limits, ...spec.limits },
    image: spec.image,
    user: spec.user,
    git: worktree === undefined ? ('none' as const) : preset.git,
    ports: spec.ports,
  };
  const folder = worktree?.path ?? spec.workspace;
  const path = folder === undefined ? sandboxPaths(paths, id).workspace : await checkWorkspace(paths, folder);
  const mounts = await Promise.all((spec.mounts ?? []).map(mount => checkMount(paths, mount)));
  const wanted = { purpose, backend: spec.backend, options: spec.options, asked };
  const { backend, reason, availability } = await requireBackend(deps, wanted, context);
  const { capabilities } = backend.manifest;
  const shown = availability.capabilities.workspace;
  const runtime = asked.runtime ?? runtimeOf(capabilities);
  refuseGaps(backend.manifest.id, gapsOf(availability.capabilities, { ...asked, runtime }));
  const image = await requireImage(deps, backend, { name: spec.image, runtime }, context);
  return {
    version: 1,
    id,
    name: spec.name ?? '',
    created_at: new Date(deps.now()).toISOString(),
    backend_type: backend.manifest.id,
    backend_reason: reason,
    type,
    runtime,
    ...image,
    ...(spec.user === undefined ? {} : { user: spec.user }),
    workspace: {
      path,
      git: worktree === undefined ? 'none' : gitOf(capabilities, type),
      ...(spec.workspace_access === 'ro' ? { access: 'ro' as const } : {}),
      ...(shown === capabilities.workspace ? {} : { mode: shown }),
    },
    ...(worktree === undefined ? {} : { worktree }),
    ...(request.project === undefined ? {} : { project: request.project }),
    mounts,
    env: spec.env ?? {},
    policy: { network: { mode: asked.network } },
    limits: asked.limits,
    ...(spec.ttl_seconds === undefined ? {} : { ttl_seconds: spec.ttl_seconds }),
    ...(spec.ports === undefined ? {} : { ports: spec.ports }),
    ...(spec.options === undefined ? {} : { options: spec.options }),
    ...(spec.cold === true ? { cold: true as const } : {}),
    ...(throwaway === undefined
      ? { attached: spec.attached ?? false, making: true as const }
      : { attached: true, throwaway: true as const }),
    intent: 'running',
  };
}

/** The caller holds the lock on names. */
async function claim(deps: BaseDeps, draft: SandboxRecord, name: string | undefined): Promise<SandboxRecord> {
  const { entries } = await listRecords(deps.paths);
  const taken = new Map(entries.map(({ record }) => [record.name, record.id]));
  if (name !== undefined && taken.has(name)) {
    fail('name-taken', `a sandbox named ${name} exists already (${taken.get(name)})`, {
      hint: `choose another name, or remove it: heyvm rm ${name}`,
      data: { id: taken.get(name) },
    });
  }
  const record = { ...draft, name: name ?? suggestName(randomBelow, new Set(taken.keys())) };
  await addRecord(deps.paths, record);
  return record;
}

/** OpenSSH hears of the sandbox while its guest starts; both have to be done before anybody is told. */
async function launch(deps: BaseDeps, record: SandboxRecord, context: CallContext): Promise<void> {
  const start = { ...deps, id: record.id, backend: record.backend_type, ...context };
  if (record.throwaway === true) return startOwner(start);
  const { refreshAliases } = await import('./ssh.ts');
  const [started, named] = await Promise.allSettled([
    startOwner(start),
    refreshAliases(deps, context.signal),
  ]);
  if (started.status === 'rejected') throw started.reason;
  if (named.status === 'rejected') throw named.reason;
}

export function newId(): SandboxId {
  const id = parse(SandboxId, `sb-${randomHex(4)}`);
  return id.ok ? id.value : fail('internal', id.problem);
}

// Removes a sandbox and its own files, in steps that the next command finishes when this one is interrupted.
import { setTimeout as delay } from 'node:timers/promises';
import { backends } from '../backends/registry.ts';
import { fail, type SandboxError, toSandboxError, withHint } from '../core/errors.ts';
import { verdictOn } from '../core/lifecycle.ts';
import { endProcess } from '../owner/stop.ts';
import { parse } from '../protocol/parse.ts';
import { SandboxId } from '../protocol/sandbox.ts';
import { lockHolder, removeLock, withLock } from '../store/lock.ts';
import type { Paths } from '../store/paths.ts';
import { type Entry, lockNamesOf, removeFolder, updateRecord } from '../store/sandboxes.ts';
import { storeIdOf } from '../store/storeId.ts';
import { refuseUnattended, settle } from './attach.ts';
import type { BaseDeps, CallContext, ServiceDeps } from './deps.ts';
import { dropSnapshots } from './dropSnapshots.ts';
import { requireEntry } from './entry.ts';
import { forgetOwner } from './forget.ts';
import { conditionOfEntry } from './info.ts';
import { sandboxContext } from './machine.ts';
import { DEFAULT_GRACE_MS, stopLocked } from './stop.ts';
import { isUnattended, outlivesOwner } from './unattended.ts';

export type Removal = { readonly id: string; readonly force: boolean };

/** Cleaning up has its own limit, because it goes on when the command itself is cancelled. */
const DISCARD_MS = 30_000;

export async function removeSandbox(deps: BaseDeps, removal: Removal, context: CallContext): Promise<void> {
  const { paths } = deps;
  const { id, force } = removal;
  await withLock(paths, `sandbox-${id}`, { wait: 'wait', signal: context.signal }, async () => {
    const found = await readForRemoval(paths, removal);
    if (found === undefined) return removeUnreadable(deps, id, context);
    const entry = force ? found : await settle(deps, found, context);
    if (!force && isUnattended(entry)) refuseUnattended(entry);
    if (force && isUnattended(entry)) return removeUnattended(deps, entry, context);
    const { status } = conditionOfEntry(entry);
    if (verdictOn('remove', status) === 'force' && entry.owner !== undefined && !force) {
      fail('busy', `sandbox ${entry.record.name} is ${status}`, {
        hint: `stop it first with heyvm stop ${entry.record.name}, or remove it with --force`,
      });
    }
    await requireReach(deps, entry, context);
    await updateRecord(paths, id, known => ({ ...known, intent: 'removed' }));
    // From here on every later command finishes the removal, so an interruption changes nothing but the time.
    const stopped = stopLocked(deps, entry, { ...context, graceMs: force ? 0 : DEFAULT_GRACE_MS });
    await Promise.all([stopped, loadWhatDiscards(deps, entry)]);
    context.progress({ phase: 'removing' });
    await discard(deps, entry);
  });
}

/** Takes as long as ending a guest, and is done meanwhile, once the owner has been asked; what fails does so again later. */
async function loadWhatDiscards({ paths }: BaseDeps, { record }: Entry): Promise<void> {
  await delay(ASKED_MS);
  storeIdOf(paths);
  const backend = backends.find(({ manifest }) => manifest.id === record.backend_type);
  await Promise.allSettled([backend?.load(), import('./ssh.ts')]);
}

const ASKED_MS = 5;

/** The driver ends a guest that has no owner together with everything else of it. */
async function removeUnattended(deps: BaseDeps, entry: Entry, context: CallContext): Promise<void> {
  const { paths } = deps;
  await requireReach(deps, entry, context);
  await updateRecord(paths, entry.record.id, known => ({ ...known, intent: 'removed' }));
  await forgetOwner(paths, { ...entry, record: { ...entry.record, intent: 'removed' } });
  context.progress({ phase: 'removing' });
  await discard(deps, entry);
}

/** What cannot be removed now stays as it is; a living owner finds out for itself. */
async function requireReach(
  deps: BaseDeps,
  { record, owner }: Entry,
  { signal }: CallContext,
): Promise<void> {
  const backend = backends.find(({ manifest }) => manifest.id === record.backend_type);
  if (owner !== undefined || backend === undefined || !outlivesOwner(record)) return;
  const driver = await backend.load();
  try {
    const asking = AbortSignal.any([signal, AbortSignal.timeout(DISCARD_MS)]);
    await driver.inspect(sandboxContext(deps, backend, { record, signal: asking }), record.ref ?? {});
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toSandboxError(thrown);
    if (error.code !== 'backend-missing') return;
    await noteUnreachable(deps.paths, record.id, error);
    throw error;
  }
}

async function readForRemoval(paths: Paths, { id, force }: Removal): Promise<Entry | undefined> {
  try {
    return await requireEntry(paths, id);
  } catch (error) {
    // Whoever removed it took its locks along, and this one is another that came after.
    if (toSandboxError(error).code === 'sandbox-not-found') removeLocks(paths, id);
    if (force && toSandboxError(error).code === 'record-broken') return undefined;
    throw error;
  }
}

/** Without a record nobody knows the driver; its guest ends with the owner, whom the lease knows. */
async function removeUnreadable(deps: BaseDeps, id: string, { signal }: CallContext): Promise<void> {
  const owner = lockHolder(deps.paths, `owner-${id}`);
  if (owner !== undefined) await endProcess(owner, { graceMs: DEFAULT_GRACE_MS, signal });
  await removeFiles(deps, id);
}

/** A sandbox whose record cannot be read is removed by its id and only with force, for its files may hold work. */
export async function idForRemoval(
  { sandboxes }: ServiceDeps,
  { sandbox, force }: { readonly sandbox: string; readonly force: boolean },
): Promise<SandboxId> {
  try {
    return (await sandboxes.find(sandbox)).record.id;
  } catch (error) {
    const id = parse(SandboxId, sandbox);
    if (!force || !id.ok || toSandboxError(error).code !== 'record-broken') throw error;
    return id.value;
  }
}

/** Everything but the worktree goes. The caller holds the sandbox's lock, and no owner is alive. */
export async function discard(deps: BaseDeps, { record }: Entry): Promise<void> {
  try {
    await dropSnapshots(deps, record);
    await destroy(deps, record);
  } catch (thrown) {
    if (outlivesOwner(record)) await noteUnreachable(deps.paths, record.id, toSandboxError(thrown));
    throw thrown;
  }
  await removeFiles(deps, record.id);
}

/** So that not every command that only looks waits for an engine that is away. */
async function noteUnreachable(paths: Paths, id: string, error: SandboxError): Promise<void> {
  const unreachable = { at: new Date().toISOString(), reason: withHint(error) };
  await updateRecord(paths, id, known => ({ ...known, unreachable }));
}

async function removeFiles(deps: BaseDeps, id: string): Promise<void> {
  const { paths } = deps;
  await removeFolder(paths, id);
  removeLocks(paths, id);
  const { refreshAliases } = await import('./ssh.ts');
  await refreshAliases(deps, AbortSignal.timeout(DISCARD_MS));
}

function removeLocks(paths: Paths, id: string): void {
  for (const name of lockNamesOf(id)) removeLock(paths, name);
}

/** Also what was made by half. A backend that this version does not know has to be asked by one that does. */
async function destroy(deps: BaseDeps, record: Entry['record']): Promise<void> {
  const backend = backends.find(({ manifest }) => manifest.id === record.backend_type);
  if (backend === undefined) {
    fail(
      'backend-unknown',
      `this version has no backend ${record.backend_type}, which made sandbox ${record.name}`,
      {
        hint: 'remove it with the version of heyvm that made it',
      },
    );
  }
  const driver = await backend.load();
  const residues = await driver.destroy(
    sandboxContext(deps, backend, { record, signal: AbortSignal.timeout(DISCARD_MS) }),
    record.ref ?? {},
  );
  const [first] = residues;
  if (first === undefined) return;
  fail('storage', `${first.what} of sandbox ${record.name} cannot be removed: ${first.path}`, {
    hint: 'remove it by hand, then run heyvm prune',
    data: { residues },
  });
}

// Has every backend remove what carries the mark of this store and belongs to no sandbox; an engine that is away has to wait.
import { backends } from '../backends/registry.ts';
import type { Backend, Residue } from '../core/backend.ts';
import { toSandboxError } from '../core/errors.ts';
import type { SandboxRecord } from '../store/records.ts';
import { listRecords, readIds } from '../store/sandboxes.ts';
import { availabilityOf } from './availability.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { machineContext, type Options } from './machine.ts';

/** An engine that does not answer within this time is away. */
const PATIENCE_MS = 20_000;

export async function sweepBackends(deps: BaseDeps, context: CallContext): Promise<readonly Residue[]> {
  const { entries } = await listRecords(deps.paths);
  // The folders, and not the records: one whose record cannot be read is a sandbox all the same.
  const living = new Set(readIds(deps.paths));
  const records = entries.map(({ record }) => record);
  const swept = await Promise.all(
    backends.map(backend => sweepOne(deps, { backend, records, living }, context)),
  );
  context.signal.throwIfAborted();
  return swept.flat();
}

type Sweep = {
  readonly backend: Backend;
  readonly records: readonly SandboxRecord[];
  readonly living: ReadonlySet<string>;
};

async function sweepOne(
  deps: BaseDeps,
  { backend, records, living }: Sweep,
  { signal }: CallContext,
): Promise<readonly Residue[]> {
  const { id, hosts } = backend.manifest;
  if (!hosts.some(({ platform }) => platform === process.platform)) return [];
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const limit = AbortSignal.any([signal, patience]);
  const driver = await backend.load();
  const own = machineContext(deps, backend, { signal: limit });
  const named = enginesOf(records.filter(({ backend_type }) => backend_type === id));
  const elsewhere = (await driver.elsewhere?.(own)) ?? [];
  const found: Residue[] = [];
  for (const over of unique([...named, ...elsewhere])) {
    try {
      // Only the settings' own engine may be none at all; where a sandbox was made, there is one.
      if (over === undefined && (await within(limit, availabilityOf(deps, backend, limit))).kind !== 'ready')
        continue;
      const context = machineContext(deps, backend, { signal: limit, over });
      found.push(...(await within(limit, driver.sweep(context, living))));
    } catch (error) {
      signal.throwIfAborted();
      // What is left in an engine that is away is found when it is back; only defects of ours have to be heard of.
      if (!patience.aborted && toSandboxError(error).code === 'internal') throw error;
    }
  }
  return found;
}

/** The one of the settings, and those that sandboxes were made with. */
function enginesOf(records: readonly SandboxRecord[]): readonly Options[] {
  return [undefined, ...records.map(({ options }) => options)];
}

function unique(engines: readonly Options[]): readonly Options[] {
  return [...new Map(engines.map(options => [JSON.stringify(options), options])).values()];
}

/** Also of work that does not listen to its signal. */
function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}

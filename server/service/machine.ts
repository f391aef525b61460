// What a driver is given for work that concerns no single sandbox.
import { join } from 'node:path';
import type { Backend, DriverContext, MachineContext } from '../core/backend.ts';
import { optionsOf } from '../core/options.ts';
import { guestProgram } from '../platform/bundle.ts';
import { managedKey } from '../store/managedKey.ts';
import { type Paths, sandboxPaths } from '../store/paths.ts';
import type { SandboxRecord } from '../store/records.ts';
import { storeIdOf } from '../store/storeId.ts';
import type { BaseDeps } from './deps.ts';

/** Options of one sandbox, over those of the settings. */
export type Options = Readonly<Record<string, unknown>> | undefined;

export function machineContext(
  deps: BaseDeps,
  backend: Backend,
  { signal, over }: { readonly signal: AbortSignal; readonly over?: Options },
): MachineContext {
  return {
    signal,
    log: () => {},
    run: deps.run,
    agent: guestProgram(deps.bundle.folder),
    cache: join(deps.paths.cache, backend.manifest.id),
    storeId: storeIdOf(deps.paths),
    isImageNeeded: imageNeeds(deps.paths),
    options: optionsOf(backend, deps.settings(), { path: deps.paths.settings, over }),
    publicKey: () => managedKey(deps.paths),
  };
}

/** Read with the first question, because few ask one. */
function imageNeeds(paths: Paths): (digest: string) => Promise<boolean> {
  let known: Promise<(digest: string) => boolean> | undefined;
  return async digest => {
    known ??= import('../images/needed.ts').then(({ readImageNeeds }) => readImageNeeds(paths));
    return (await known)(digest);
  };
}

/** For work on a sandbox whose guest does not run. */
export function sandboxContext(
  deps: BaseDeps,
  backend: Backend,
  {
    record,
    signal,
  }: { readonly record: Pick<SandboxRecord, 'id' | 'options'>; readonly signal: AbortSignal },
): DriverContext {
  const { state, runtime } = sandboxPaths(deps.paths, record.id);
  const machine = machineContext(deps, backend, { signal, over: record.options });
  return { ...machine, progress: () => {}, state, runtime };
}

// What a driver is given for work that concerns no single sandbox.
import { join } from 'node:path';
import type { Backend, DriverContext, MachineContext } from '../core/backend.ts';
import { optionsOf } from '../core/options.ts';
import { guestProgram } from '../platform/bundle.ts';
import { sandboxPaths } from '../store/paths.ts';
import { storeIdOf } from '../store/storeId.ts';
import type { BaseDeps } from './deps.ts';

export function machineContext(deps: BaseDeps, backend: Backend, signal: AbortSignal): MachineContext {
  return {
    signal,
    log: () => {},
    run: deps.run,
    agent: guestProgram(deps.bundle.folder),
    cache: join(deps.paths.cache, backend.manifest.id),
    storeId: storeIdOf(deps.paths),
    options: optionsOf(backend, deps.settings(), deps.paths.settings),
  };
}

/** For work on a sandbox whose guest does not run. */
export function sandboxContext(
  deps: BaseDeps,
  backend: Backend,
  { id, signal }: { readonly id: string; readonly signal: AbortSignal },
): DriverContext {
  const { state, runtime } = sandboxPaths(deps.paths, id);
  return { ...machineContext(deps, backend, signal), progress: () => {}, state, runtime };
}

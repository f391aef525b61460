// Refuses what the backend of a sandbox cannot do, and says which backends can.
import { backends, findBackend } from '../backends/registry.ts';
import type { Backend } from '../core/backend.ts';
import { fail } from '../core/errors.ts';
import type { Capabilities } from '../protocol/backend.ts';
import type { SandboxRecord } from '../store/records.ts';

export type Ability = {
  /** As in `cannot <what>`. */
  readonly what: string;
  readonly of: (capabilities: Capabilities) => boolean;
};

export const pausing: Ability = { what: 'pause and resume sandboxes', of: ({ pause }) => pause };
export const suspending: Ability = {
  what: 'write running sandboxes to disk',
  of: ({ suspend }) => suspend === true,
};
export const snapshotting: Ability = {
  what: 'take snapshots',
  of: ({ snapshots }) => snapshots !== 'none',
};

/** Its backend, which can do that. */
export function requireAbility(
  { backend_type, name }: Pick<SandboxRecord, 'backend_type' | 'name'>,
  ability: Ability,
): Backend {
  const backend = findBackend(backend_type);
  if (ability.of(backend.manifest.capabilities)) return backend;
  const able = backends
    .filter(({ manifest }) => ability.of(manifest.capabilities))
    .map(({ manifest }) => manifest.id);
  return fail('unsupported', `${backend_type}, on which ${name} runs, cannot ${ability.what}`, {
    hint:
      able.length === 0
        ? 'no backend of this version can'
        : `${able.join(' and ')} can: choose one with --backend`,
    data: { backend: backend_type, able },
  });
}

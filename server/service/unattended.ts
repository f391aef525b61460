// Tells at a glance whether the guest of a sandbox may run although its owner is gone.
import { backends } from '../backends/registry.ts';
import type { Entry } from '../store/sandboxes.ts';

/** Its guest may run although its owner is gone. */
export function isUnattended({ record, stale }: Entry): boolean {
  return stale && outlivesOwner(record);
}

export function outlivesOwner({ backend_type, ref }: Entry['record']): boolean {
  const backend = backends.find(({ manifest }) => manifest.id === backend_type);
  return backend?.manifest.capabilities.lifetime === 'external' && ref !== undefined;
}
